#include "cli/machine/host_mounts.hpp"

#include "base/files.hpp"
#include "base/sha256.hpp"
#include "messages/json/json.hpp"
#include "messages/paths.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <unistd.h>

namespace gkm::cli {
namespace fs = std::filesystem;
namespace {

constexpr size_t max_bytes = 64 << 10;

fs::path file_of(const fs::path& target) {
  return paths::host_mounts() / (base::sha256::of(volume_id_of(target)).hex + ".json");
}

}  // namespace

std::string volume_id_of(const fs::path& target) {
  return "gkm-" + base::sha256::of(target.string()).hex;
}

result<void> remember_mount(const host_mount& m) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> out(buffer);
  out.StartObject();
  out.Key("path");
  out.String(m.path);
  out.Key("stateDir");
  out.String(m.state_dir);
  out.Key("foundDirectory");
  out.Bool(m.found_directory);
  out.EndObject();
  return base::write_file_atomically(file_of(m.path), buffer.GetString());
}

std::optional<host_mount> recall_mount(const fs::path& target) {
  auto text = base::read_file(file_of(target), max_bytes);
  if (!text) return std::nullopt;
  auto read = json::parse_object<host_mount>(*text, [](json::reader& in, host_mount& m) {
    m.path = in.text("path");
    m.state_dir = in.text("stateDir");
    m.found_directory = in.boolean_or("foundDirectory");
  });
  if (!read || read->path != target) return std::nullopt;
  return *read;
}

void forget_mount(const fs::path& target) { ::unlink(file_of(target).c_str()); }

}  // namespace gkm::cli
