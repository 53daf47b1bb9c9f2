#include "actors/operator/tls/certificate_files.hpp"

#include "actors/operator/tls/certificate.hpp"
#include "base/directory_watch.hpp"
#include "base/files.hpp"
#include "base/program/log.hpp"

#include <mutex>

namespace gkm::op {
namespace fs = std::filesystem;
namespace {

constexpr size_t max_file_bytes = 1 << 20;

/// Tells of another identity once, from whichever thread looks.
class teller {
public:
  teller(fs::path dir, identity_observer changed)
      : dir_(std::move(dir)), changed_(std::move(changed)) {}

  void look() {
    std::lock_guard lock(mutex_);
    auto found = read_identity(dir_);
    if (!found)
      return base::log::warn("Certificate files cannot be used",
                             {{"error", found.error().message}});
    if (*found == last_) return;
    last_ = std::move(*found);
    changed_(last_);
  }

private:
  const fs::path dir_;
  const identity_observer changed_;
  std::mutex mutex_;
  serving_identity last_;
};

}  // namespace

result<serving_identity> read_identity(const fs::path& dir) {
  serving_identity out;
  for (auto [name, text] : {std::pair{"tls.crt", &out.cert_pem}, {"tls.key", &out.key_pem}}) {
    auto read = base::read_file(dir / name, max_file_bytes);
    if (!read) return fail(read.error());
    *text = std::move(*read);
  }
  auto authorities = base::read_file(dir / "ca.crt", max_file_bytes);
  if (!authorities && authorities.error().code != errc::not_found) return fail(authorities.error());
  if (authorities) out.authorities_pem = std::move(*authorities);
  if (!is_key_of(out.cert_pem, out.key_pem))
    return fail(errc::invalid_argument,
                "'" + (dir / "tls.key").string() + "' is not the key of 'tls.crt' beside it");
  return out;
}

result<std::unique_ptr<certificate_files>> certificate_files::start(fs::path dir,
                                                                    identity_observer changed) {
  auto files = std::make_shared<teller>(dir, std::move(changed));
  std::unique_ptr<certificate_files> made(new certificate_files);
  // Watched before the first look: nothing can come between.
  auto watch = base::directory_watch::start(dir, [files] { files->look(); });
  if (!watch) return fail(watch.error());
  made->watch_ = std::move(*watch);
  files->look();
  return made;
}

certificate_files::~certificate_files() = default;

}  // namespace gkm::op
