#include "cli/app.hpp"

int main(int argc, char** argv) { return gkm::cli::run(argc, argv); }
