#include "gpus/program.hpp"

int main(int argc, char** argv) { return gkm::gpus::run_program(argc, argv); }
