#include "actors/csi/mounts/volume_records.hpp"

#include "base/files.hpp"
#include "base/program/log.hpp"
#include "base/sha256.hpp"
#include "messages/record.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace gkm::csi {
namespace fs = std::filesystem;
namespace {

/// The agent, another user, reads what lies there.
constexpr unsigned directory_mode = 0755;
constexpr std::string_view suffix = ".json";

/// True if the file was last written before this boot, by the machine's clock.
bool is_before_boot(const fs::path& file) {
  struct stat info {};
  timespec now{}, up{};
  if (::stat(file.c_str(), &info) != 0 || ::clock_gettime(CLOCK_REALTIME, &now) != 0 ||
      ::clock_gettime(CLOCK_BOOTTIME, &up) != 0)
    return false;
  return info.st_mtim.tv_sec < now.tv_sec - up.tv_sec;
}

}  // namespace

std::string volume_key(const std::string& volume_id) { return base::sha256::of(volume_id).hex; }

result<volume_records> volume_records::open(const paths& where, observer observe) {
  if (auto made = base::make_directories(where.volumes(), directory_mode); !made)
    return fail(made.error());
  return volume_records(where, std::move(observe));
}

void volume_records::tell() const {
  if (observe_) observe_(memory_->records.size());
}

result<volume_record> volume_records::read(const std::string& volume_id) const {
  return read_key(volume_key(volume_id));
}

std::optional<result<volume_record>> volume_records::recall(const std::string& volume_id) const {
  std::lock_guard lock(memory_->mutex);
  if (!memory_->complete) return std::nullopt;
  auto it = memory_->records.find(volume_key(volume_id));
  if (it != memory_->records.end()) return it->second;
  if (auto bad = memory_->unreadable.find(volume_key(volume_id)); bad != memory_->unreadable.end())
    return fail(bad->second);
  return fail(errc::not_found, "Volume '" + volume_id + "' has no record");
}

result<volume_record> volume_records::read_key(const std::string& key) const {
  auto text = base::read_file(where_.volume(key), max_record_bytes);
  if (!text && text.error().code == errc::not_found) return fail(text.error());
  if (!text && text.error().code == errc::io) return fail(text.error());
  auto record = text ? parse_volume_record(*text) : fail(text.error());
  if (record && volume_key(record->volume_id) == key) return record;
  auto why = record ? "it is the record of another volume" : record.error().message;
  return fail(errc::malformed,
              "Cannot read the volume record '" + where_.volume(key).string() + "': " + why +
                  "; if a later version of GKM wrote it, run that version of gkm-csi again, else "
                  "delete the pod");
}

bool volume_records::set_aside_if_old(const std::string& key, const error& why) const {
  auto file = where_.volume(key);
  auto old = is_before_boot(file);
  auto aside = where_.volumes() / (key + ".unreadable");
  bool moved = old && ::rename(file.c_str(), aside.c_str()) == 0;
  base::log::error(
      old ? "An unreadable volume record from before this boot is set aside"
          : "A volume record cannot be read; what is mounted stays, and nothing is removed",
      {{"file", moved ? aside.string() : file.string()}, {"error", why.message}});
  return moved;
}

result<void> volume_records::write(const volume_record& record) const {
  auto key = volume_key(record.volume_id);
  auto written = base::write_file_atomically(where_.volume(key), print_volume_record(record));
  if (!written) return written;
  std::lock_guard lock(memory_->mutex);
  memory_->records.insert_or_assign(key, record);
  memory_->unreadable.erase(key);
  tell();
  return {};
}

result<void> volume_records::erase(const std::string& volume_id) const {
  auto key = volume_key(volume_id);
  auto file = where_.volume(key);
  if (::unlink(file.c_str()) != 0 && errno != ENOENT)
    return fail(base::errno_error(errno, "remove", file));
  std::lock_guard lock(memory_->mutex);
  memory_->records.erase(key);
  memory_->unreadable.erase(key);
  tell();
  return {};
}

result<volume_records::listing> volume_records::list() const {
  listing all;
  std::map<std::string, error> unreadable;
  std::error_code failed;
  std::vector<fs::path> files;
  for (fs::directory_iterator it(where_.volumes(), failed), end; !failed && it != end;
       it.increment(failed))
    files.push_back(it->path());
  if (failed) return fail(base::errno_error(failed.value(), "read", where_.volumes()));
  for (const auto& file : files) {
    auto name = file.filename().string();
    if (name.starts_with('.')) ::unlink(file.c_str());
    if (name.starts_with('.') || !name.ends_with(suffix)) continue;
    auto key = name.substr(0, name.size() - suffix.size());
    auto record = read_key(key);
    if (record)
      all.records.push_back(std::move(*record));
    else if (record.error().code != errc::not_found && !set_aside_if_old(key, record.error()))
      unreadable.emplace(key, record.error());
  }
  for (const auto& [key, why] : unreadable) all.unreadable.insert(key);
  std::lock_guard lock(memory_->mutex);
  memory_->records.clear();
  for (const auto& record : all.records)
    memory_->records.emplace(volume_key(record.volume_id), record);
  memory_->unreadable = std::move(unreadable);
  memory_->complete = true;
  tell();
  return all;
}

}  // namespace gkm::csi
