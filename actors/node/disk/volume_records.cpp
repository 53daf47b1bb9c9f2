#include "actors/node/disk/volume_records.hpp"

#include "base/files.hpp"
#include "messages/record.hpp"

namespace gkm::node {
namespace fs = std::filesystem;

result<std::vector<std::string>> list_volume_keys(const paths& p) {
  constexpr auto extension = ".json";
  std::vector<std::string> keys;
  std::error_code failed;
  for (fs::directory_iterator it(p.volumes(), failed), end; !failed && it != end;
       it.increment(failed)) {
    const auto& file = it->path();
    // What begins with a dot is being written.
    if (file.extension() != extension || file.filename().string().starts_with('.')) continue;
    if (keys.size() == max_volume_records)
      return fail(errc::limit_exceeded, "More than " + std::to_string(max_volume_records) +
                                            " records in '" + p.volumes().string() + "'");
    keys.push_back(file.stem().string());
  }
  if (failed && failed != std::errc::no_such_file_or_directory)
    return fail(base::errno_error(failed.value(), "read", p.volumes()));
  return keys;
}

result<volume_record> read_volume(const paths& p, const std::string& key, const std::string& boot) {
  auto text = base::read_file(p.volume(key), max_record_bytes);
  if (!text) return fail(text.error());
  auto record = parse_volume_record(*text);
  if (record && record->boot != boot)
    return fail(errc::not_found, "It was written before the last reboot");
  return record;
}

namespace {

result<bool> some_record_names(const paths& p, const digest& manifest, const std::string& boot) {
  auto keys = list_volume_keys(p);
  if (!keys) return fail(keys.error());
  for (const auto& key : *keys) {
    auto record = read_volume(p, key, boot);
    if (record && record->manifest == manifest) return true;
    // Another boot's, or gone meanwhile; what cannot be read may name any digest.
    if (!record && record.error().code != errc::not_found)
      return fail(record.error().code, "Cannot tell from '" + p.volume(key).string() +
                                           "' what its volume uses: " + record.error().message);
  }
  return false;
}

}  // namespace

result<bool> is_in_use(const paths& p, const digest& manifest, const std::string& boot) {
  // A listing may miss a file that is replaced meanwhile. A record is replaced once, when its
  // intent has become a mount, so that two listings do not both miss it.
  auto named = some_record_names(p, manifest, boot);
  return named && !*named ? some_record_names(p, manifest, boot) : named;
}

}  // namespace gkm::node
