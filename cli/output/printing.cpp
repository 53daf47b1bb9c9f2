#include "cli/output/printing.hpp"

#include "cli/options.hpp"

#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>
#include <yaml-cpp/yaml.h>

#include <iostream>

namespace gkm::cli {
namespace {

void emit(YAML::Emitter& out, const rapidjson::Value& v) {
  if (v.IsObject()) {
    out << YAML::BeginMap;
    for (const auto& member : v.GetObject()) {
      out << YAML::Key << member.name.GetString() << YAML::Value;
      emit(out, member.value);
    }
    out << YAML::EndMap;
  } else if (v.IsArray()) {
    out << YAML::BeginSeq;
    for (const auto& element : v.GetArray()) emit(out, element);
    out << YAML::EndSeq;
  } else if (v.IsString()) {
    // Always quoted: a digest or a name may look like a number or a boolean.
    out << YAML::DoubleQuoted << std::string(v.GetString(), v.GetStringLength());
  } else if (v.IsBool()) {
    out << v.GetBool();
  } else if (v.IsUint64()) {
    out << v.GetUint64();
  } else if (v.IsInt64()) {
    out << v.GetInt64();
  } else if (v.IsNumber()) {
    out << v.GetDouble();
  } else {
    out << YAML::Null;
  }
}

}  // namespace

void print_document(const rapidjson::Document& document, output format) {
  if (format == output::yaml) {
    YAML::Emitter out;
    emit(out, document);
    std::cout << out.c_str() << '\n';
    return;
  }
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> out(buffer);
  out.SetIndent(' ', 2);
  document.Accept(out);
  std::cout << buffer.GetString() << '\n';
}

std::vector<std::string> target_names(const std::vector<target>& targets) {
  std::vector<std::string> names;
  for (const auto& t : targets) names.push_back(t.str());
  return names;
}

std::string join_targets(const std::vector<target>& targets) {
  std::string text;
  for (const auto& t : targets) text += (text.empty() ? "" : ", ") + t.str();
  return text.empty() ? "unknown" : text;
}

}  // namespace gkm::cli
