/// Registries and layouts as the command line configures them.
#pragma once

#include "cli/options.hpp"
#include "oci/source.hpp"

#include <memory>

namespace gkm::net {
class engine;
}

namespace gkm::cli {

/// A source together with the HTTP engine that it needs.
class images {
public:
  static result<images> open(const options& o);
  images(images&&) noexcept;
  ~images();

  oci::source& source() { return *source_; }

private:
  images();
  std::unique_ptr<net::engine> http_;
  std::unique_ptr<oci::source> source_;
};

}  // namespace gkm::cli
