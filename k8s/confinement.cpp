#include "k8s/confinement.hpp"

#include "base/program/log.hpp"

namespace gkm::k8s {

result<void> confine_process(const config& as, base::file_access own) {
  if (as.identity.exec) {
    base::log::debug("Files are not confined: a program must be run for credentials",
                     {{"program", as.identity.exec->command}});
    return {};
  }
  auto system = base::system_files();
  own.read.insert(own.read.end(), system.begin(), system.end());
  own.replaced.push_back(as.identity.token_file);
  auto done = base::confine_files(own);
  if (!done) return fail(done.error());
  base::log::debug(*done ? "Files are confined" : "Files are not confined: this kernel cannot");
  return {};
}

}  // namespace gkm::k8s
