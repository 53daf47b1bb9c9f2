/// The catalog on disk. The agent that writes it has no rights, and gets none by what it writes.
#pragma once

#include "actors/csi/ports.hpp"
#include "base/files.hpp"
#include "base/worker_pool.hpp"
#include "messages/paths.hpp"

namespace gkm::csi {

class record_watch;

class catalog_files : public catalog_port {
public:
  /// Makes the state directory if it is missing; what the agent keeps there may come later.
  static result<std::unique_ptr<catalog_files>> open(const paths& where);
  ~catalog_files() override;

  void lookup(const cache_ref& ref, answer<catalog_record> reply) override;
  /// What it answers must end before the port does.
  std::unique_ptr<subscription> watch(const cache_ref& ref, std::function<void()> changed) override;

private:
  catalog_files(base::fd root, std::unique_ptr<record_watch> watch);
  result<catalog_record> read(const cache_ref& ref) const;

  base::fd root_;
  std::unique_ptr<record_watch> watch_;
  base::worker_pool readers_{2};
};

}  // namespace gkm::csi
