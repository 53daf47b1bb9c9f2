#include "actors/node/disk/list_caches.hpp"
#include "actors/node/disk/stored_seal.hpp"
#include "base/files.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/interrupt.hpp"
#include "cli/output/printing.hpp"
#include "cli/output/table.hpp"
#include "messages/paths.hpp"
#include "messages/record.hpp"

#include <algorithm>
#include <iostream>
#include <map>

namespace gkm::cli {
namespace fs = std::filesystem;
namespace {

struct checked {
  digest manifest;
  std::string caches;  ///< that are served from it
  result<void> outcome;

  const char* state() const {
    if (outcome) return "whole";
    return outcome.error().code == errc::corrupt ? "damaged" : "unknown";
  }
};

std::map<digest, std::string> caches_by_digest(const paths& where) {
  std::map<digest, std::string> names;
  for (const auto& ref : node::list_caches(where)) {
    auto text = base::read_file(where.record(ref), max_record_bytes);
    auto record = text ? parse_catalog_record(*text) : fail(text.error());
    if (!record || record->manifest.empty()) continue;
    auto& all = names[record->manifest];
    all += (all.empty() ? "" : ", ") + (ref.is_cluster() ? ref.name : ref.ns + "/" + ref.name);
  }
  return names;
}

result<std::vector<digest>> list_store(const paths& where) {
  std::vector<digest> all;
  std::error_code failed;
  for (fs::directory_iterator it(where.store(), failed), end; !failed && it != end;
       it.increment(failed))
    if (auto d = digest::parse("sha256:" + it->path().filename().string())) all.push_back(*d);
  if (failed == std::errc::permission_denied)
    return fail(errc::io, "Cannot read the store '" + where.store().string() +
                              "': it belongs to another user; run 'gkm verify-store' as that user, "
                              "or with sudo");
  if (failed)
    return fail(errc::not_found, "There is no store in '" + where.root.string() +
                                     "'; 'gkm up DIR' makes one, --state-dir names another");
  std::sort(all.begin(), all.end());
  return all;
}

void print_machine(const std::vector<checked>& all, output format) {
  rapidjson::Document doc(rapidjson::kObjectType);
  auto& memory = doc.GetAllocator();
  rapidjson::Value list(rapidjson::kArrayType);
  for (const auto& c : all) {
    rapidjson::Value one(rapidjson::kObjectType);
    one.AddMember("digest", rapidjson::Value(c.manifest.str(), memory), memory);
    one.AddMember("caches", rapidjson::Value(c.caches, memory), memory);
    one.AddMember("state", rapidjson::StringRef(c.state()), memory);
    one.AddMember("message",
                  rapidjson::Value(c.outcome ? std::string() : c.outcome.error().message, memory),
                  memory);
    list.PushBack(one, memory);
  }
  doc.AddMember("stored", list, memory);
  print_document(doc, format);
}

void print(const std::vector<checked>& all, output format) {
  if (format == output::json || format == output::yaml) return print_machine(all, format);
  if (all.empty()) {
    std::cout << "Nothing is stored.\n";
    return;
  }
  table t({"DIGEST", "STATE", "CACHES", "DETAIL"});
  for (const auto& c : all)
    t.add({c.manifest.brief(),
           {c.state(), c.outcome ? tint::good : tint::bad},
           c.caches.empty() ? "-" : c.caches,
           c.outcome ? "-" : c.outcome.error().message});
  t.print(std::cout, wants_colours());
}

}  // namespace

result<int> verify_store(const options& o) {
  auto where = paths::below(o.state_dir);
  auto stored = list_store(where);
  if (!stored) return fail(stored.error());
  interrupt stop;
  auto names = caches_by_digest(where);
  std::vector<checked> all;
  for (const auto& d : *stored) {
    auto outcome = node::check_every_byte(where.stored(d), {0, stop.token()});
    if (!outcome && outcome.error().code == errc::cancelled)
      return fail(errc::cancelled, "Interrupted before the whole store was read");
    // Removed meanwhile.
    std::error_code ignored;
    if (!outcome && !fs::exists(where.stored(d), ignored)) continue;
    bool damaged = !outcome && outcome.error().code == errc::corrupt;
    if (damaged)
      if (auto marked = node::mark_damaged(where.stored(d), outcome.error().message); !marked)
        std::cerr << "gkm: warning: " << marked.error().message << '\n';
    all.push_back({d, names[d], outcome});
  }
  print(all, o.format);
  auto is = [&](const char* state) {
    return std::any_of(all.begin(), all.end(),
                       [&](const checked& c) { return c.state() == std::string_view(state); });
  };
  if (is("damaged")) {
    std::cerr << "gkm: what is damaged is mounted no more; 'gkm up' pulls it again when it starts, "
                 "when the cache's file is touched, or when somebody mounts the cache\n";
    return bad_image;
  }
  return is("unknown") ? failure : success;
}

}  // namespace gkm::cli
