#include "actors/node/disk/stored_seal.hpp"

#include "base/files.hpp"
#include "messages/paths.hpp"
#include "messages/printable.hpp"

#include <fcntl.h>

#include <cerrno>
#include <optional>

namespace gkm::node {
namespace fs = std::filesystem;
namespace {

constexpr size_t max_text_bytes = 4'096;

result<base::fd> open_directory(const fs::path& dir) {
  base::fd opened(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!opened) return fail(base::errno_error(errno, "open", dir));
  return opened;
}

tl::unexpected<error> damaged(const std::string& why) { return fail(errc::corrupt, why); }

/// Nothing if there is none; errc::corrupt if it cannot be read.
result<std::optional<base::tree_seal>> read_seal(const fs::path& stored) {
  if (auto mark = base::read_file(stored / paths::damaged, max_text_bytes))
    return damaged(printable(*mark));
  auto text = base::read_file(stored / paths::seal, max_text_bytes);
  if (!text && text.error().code == errc::not_found) return std::optional<base::tree_seal>();
  if (!text) return fail(text.error());
  auto seal = base::parse_tree_seal(*text);
  // A later version's seal is not this version's to judge.
  if (!seal && text->starts_with("gkm tree seal ")) return std::optional<base::tree_seal>();
  if (!seal) return damaged("its seal is damaged: " + seal.error().message);
  return std::optional(*seal);
}

/// A part that is not there any more is damage, a disk that does not answer is not.
error with_cause(error e) {
  if (e.code == errc::not_found || e.code == errc::malformed) e.code = errc::corrupt;
  return e;
}

result<void> compare(const base::tree_seal& was, const result<base::tree_seal>& is) {
  if (!is) return fail(with_cause(is.error()));
  auto what = base::difference(was, *is);
  return what.empty() ? result<void>() : damaged(what);
}

}  // namespace

result<void> write_seal(const fs::path& staging, base::seal_observer& seen, std::stop_token stop) {
  auto dir = open_directory(staging);
  if (!dir) return fail(dir.error());
  auto seal = seen.finish(dir->get(), paths::content, paths::relocations, std::move(stop));
  if (!seal) return fail(seal.error());
  return base::write_file_atomically(staging / paths::seal, base::print_tree_seal(*seal));
}

result<void> check_names(const fs::path& stored) {
  auto seal = read_seal(stored);
  if (!seal) return fail(seal.error());
  auto dir = open_directory(stored);
  if (!dir) return fail(with_cause(dir.error()));
  if (!*seal) return {};
  return compare(**seal, base::seal_names(dir->get(), paths::content, paths::relocations));
}

result<void> check_every_byte(const fs::path& stored, const base::read_pace& pace) {
  auto seal = read_seal(stored);
  if (!seal) return fail(seal.error());
  auto dir = open_directory(stored);
  if (!dir) return fail(with_cause(dir.error()));
  auto is = base::seal_content(dir->get(), paths::content, paths::relocations, pace);
  if (*seal)
    if (auto same = compare(**seal, is); !same || !(*seal)->content.empty()) return same;
  if (!is) return fail(with_cause(is.error()));
  return base::write_file_atomically(stored / paths::seal, base::print_tree_seal(*is));
}

result<void> mark_damaged(const fs::path& stored, const std::string& why) {
  return base::write_file_atomically(stored / paths::damaged, printable(why));
}

}  // namespace gkm::node
