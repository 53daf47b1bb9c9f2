#include "cli/problems.hpp"

#include "base/files.hpp"
#include "base/program/log.hpp"
#include "messages/json/json.hpp"
#include "messages/printable.hpp"

#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

namespace gkm::cli {
namespace {

constexpr size_t max_problems = 10'000;
constexpr size_t max_bytes = 4 << 20;

std::filesystem::path file_of(const paths& where) { return where.root / "problems.json"; }

}  // namespace

void write_problems(const paths& where, const std::vector<file_problem>& problems) {
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> out(buffer);
  out.StartObject();
  out.Key("problems");
  out.StartArray();
  for (const auto& p : problems) {
    out.StartObject();
    out.Key("file");
    out.String(valid_utf8(p.file));
    out.Key("line");
    out.Int(p.line);
    out.Key("field");
    out.String(valid_utf8(p.field));
    out.Key("message");
    out.String(valid_utf8(p.message));
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  // Written only if they changed: the watched directory may be the state directory itself.
  if (auto before = base::read_file(file_of(where), max_bytes);
      before && *before == buffer.GetString())
    return;
  auto written = base::write_file_atomically(file_of(where), buffer.GetString());
  if (!written) base::log::warn("Cannot write problems", {{"error", written.error().message}});
}

std::vector<file_problem> read_problems(const paths& where) {
  std::vector<file_problem> problems;
  auto text = base::read_file(file_of(where), max_bytes);
  if (!text) return problems;
  auto parsed = json::parse_object<std::vector<file_problem>>(
      *text, [](json::reader& in, std::vector<file_problem>& all) {
        in.each_object("problems", max_problems, [&](json::reader p) {
          all.push_back({p.text("file"), static_cast<int>(p.integer_or("line")), p.text_or("field"),
                         p.text("message")});
        });
      });
  return parsed.value_or(problems);
}

}  // namespace gkm::cli
