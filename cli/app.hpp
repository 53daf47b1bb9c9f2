/// The `gkm` command line: flags, subcommands, help texts, and what is printed when something
/// fails.
#pragma once

namespace gkm::cli {

int run(int argc, char** argv);

}  // namespace gkm::cli
