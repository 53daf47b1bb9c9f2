/// `gkm-gpu`: tells which GPUs a machine has, in a file that unprivileged processes read.
#pragma once

namespace gkm::gpus {

/// What it ends with. Documented in `gkm-gpu --help`.
enum program_exit : int {
  all_told = 0,
  not_written = 1,
  used_wrongly = 2,
  part_told = 3,  ///< the inventory is there, but some GPU or driver could not be read
};

int run_program(int argc, char** argv);

}  // namespace gkm::gpus
