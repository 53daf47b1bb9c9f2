#include "actors/csi/catalog/catalog_files.hpp"

#include "actors/csi/catalog/record_watch.hpp"
#include "actors/csi/files/beneath.hpp"
#include "messages/record.hpp"

#include <fcntl.h>

#include <cerrno>

namespace gkm::csi {
namespace {

constexpr unsigned open_mode = 0755;

/// The way to a record from the state directory, as paths.hpp draws it.
std::vector<std::string> way_to(const cache_ref& ref) {
  const paths from{"", ""};
  std::vector<std::string> parts;
  for (const auto& part : from.record(ref)) parts.push_back(part.string());
  return parts;
}

tl::unexpected<error> not_trusted(const cache_ref& ref, std::string_view why) {
  return fail(errc::malformed,
              "Cannot trust the catalog's record of " + ref.str() + ": " + std::string(why));
}

}  // namespace

result<std::unique_ptr<catalog_files>> catalog_files::open(const paths& where) {
  if (auto made = base::make_directories(where.root, open_mode); !made) return fail(made.error());
  base::fd root(::open(where.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return fail(base::errno_error(errno, "open", where.root));
  auto watch = record_watch::make(root.get());
  if (!watch) return fail(watch.error());
  return std::unique_ptr<catalog_files>(new catalog_files(std::move(root), std::move(*watch)));
}

catalog_files::catalog_files(base::fd root, std::unique_ptr<record_watch> watch)
    : root_(std::move(root)), watch_(std::move(watch)) {}

catalog_files::~catalog_files() { readers_.finish(); }

void catalog_files::lookup(const cache_ref& ref, answer<catalog_record> reply) {
  readers_.post([=, this] { reply(read(ref)); });
}

std::unique_ptr<subscription> catalog_files::watch(const cache_ref& ref,
                                                   std::function<void()> changed) {
  return watch_->add(way_to(ref), std::move(changed));
}

result<catalog_record> catalog_files::read(const cache_ref& ref) const {
  if (auto checked = cache_ref::make(ref.ns, ref.name); !checked) return fail(checked.error());
  auto file = paths{"", ""}.record(ref);
  // Non-blocking: a fifo in its place must not keep anybody waiting.
  auto in = open_beneath(root_.get(), file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (!in && errno == ENOENT)
    return fail(errc::not_found, "there is no record of " + ref.str() + " on this node");
  if (!in && is_out_of_place(errno)) return not_trusted(ref, "a link or file is on the way to it");
  if (!in) return fail(base::errno_error(errno, "open the record of", ref.str()));
  auto text = base::read_open_file(in, file, max_record_bytes);
  if (!text && text.error().code == errc::io) return fail(text.error());
  if (!text) return not_trusted(ref, text.error().message);
  auto record = parse_catalog_record(*text);
  if (!record) return not_trusted(ref, record.error().message);
  if (record->ref != ref) return not_trusted(ref, "it speaks of " + record->ref.str());
  return record;
}

}  // namespace gkm::csi
