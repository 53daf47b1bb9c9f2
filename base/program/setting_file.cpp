#include "base/program/setting_file.hpp"

#include "messages/printable.hpp"

namespace gkm::base {
namespace {

constexpr size_t max_setting_bytes = 4'096;

result<std::string> read_setting(const std::filesystem::path& file) {
  auto text = read_file(file, max_setting_bytes);
  if (!text) return text;
  text->erase(text->find_last_not_of(" \t\r\n") + 1);
  return text;
}

}  // namespace

result<std::unique_ptr<setting_file>> setting_file::follow(std::filesystem::path dir,
                                                           std::string key, listener told) {
  std::unique_ptr<setting_file> made(new setting_file(dir / key, std::move(told)));
  made->look();
  auto watch = directory_watch::start_named(
      std::move(dir), [at = made.get()](const directory_changes&) { at->look(); });
  if (!watch) return fail(watch.error());
  made->watch_ = std::move(*watch);
  return made;
}

void setting_file::look() {
  auto seen = read_setting(file_);
  if (last_ && *last_ == seen) return;
  last_ = seen;
  told_(seen);
}

void level_setting::take(const result<std::string>& value) {
  if (!value)
    return log::warn("A setting cannot be read, its last value stays",
                     {{"key", key_}, {"error", value.error().message}});
  auto level = log::parse_level(*value);
  if (!level)
    return log::warn(
        "A setting is not understood, its last value stays",
        {{"key", key_}, {"value", printable(*value)}, {"error", level.error().message}});
  if (std::exchange(now_, *level) == *level) return;
  log::set_level(*level);
  log::info("Log level is set", {{"level", *value}});
}

std::unique_ptr<setting_file> follow_level(const std::filesystem::path& dir, const std::string& key,
                                           log::level now) {
  if (dir.empty()) return nullptr;
  auto setting = std::make_shared<level_setting>(key, now);
  auto followed = setting_file::follow(
      dir, key, [setting](const result<std::string>& value) { setting->take(value); });
  if (followed) return std::move(*followed);
  log::warn("Cannot follow the log level", {{"key", key}, {"error", followed.error().message}});
  return nullptr;
}

}  // namespace gkm::base
