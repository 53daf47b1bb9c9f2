#include "tests/support/workbench.hpp"

#include "base/files.hpp"
#include "messages/json/json.hpp"
#include "messages/record.hpp"
#include "tests/support/build_tree.hpp"

#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

namespace gkm::support {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> names_in(const fs::path& dir) {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator it(dir, failed), end; !failed && it != end; it.increment(failed))
    names.push_back(it->path().filename());
  return names;
}

}  // namespace

std::map<std::string, std::string> tree_of(const fs::path& dir) {
  std::map<std::string, std::string> all;
  if (!fs::is_directory(dir)) return all;
  for (const auto& e : fs::recursive_directory_iterator(dir)) {
    auto path = e.path().lexically_relative(dir).string();
    if (e.is_symlink()) {
      all[path] = "-> " + fs::read_symlink(e.path()).string();
    } else if (e.is_directory()) {
      all[path] = "/";
    } else {
      bool runs = (e.status().permissions() & fs::perms::owner_exec) != fs::perms::none;
      all[path] = (runs ? "x " : "- ") + read_whole(e.path());
    }
  }
  return all;
}

workbench::workbench() : environment_(basic_environment()) {
  auto pattern = (fs::temp_directory_path() / "gkm-test-XXXXXX").string();
  EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
  root_ = pattern;
  state_ = root_ / "state";
  fs::create_directory(caches());
  fs::create_directory(root_ / "home");
  environment_["HOME"] = root_ / "home";
  environment_["NO_GPU"] = "true";
}

workbench::~workbench() {
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

void workbench::be_nobody() {
  nobody_ = true;
  const auto* who = ::getpwnam("nobody");
  if (::geteuid() != 0 || !who) return;
  for (const auto& dir : {root_, caches(), root_ / "home"})
    EXPECT_EQ(::chown(dir.c_str(), who->pw_uid, who->pw_gid), 0);
}

child_process workbench::start(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), program("gkm"));
  arguments.insert(arguments.end(), {"--state-dir", state_.string()});
  return child_process({std::move(arguments), environment_, output(), nobody_});
}

outcome workbench::gkm(std::vector<std::string> arguments) const {
  auto child = start(std::move(arguments));
  int code = child.wait();
  return {code, child.out(), child.err()};
}

child_process workbench::up(std::vector<std::string> flags) const {
  flags.insert(flags.begin(), {"up", caches().string()});
  return start(std::move(flags));
}

void workbench::write_file(const std::string& name, const std::string& yaml) const {
  write_whole(caches() / ("." + name), yaml);
  fs::rename(caches() / ("." + name), caches() / name);
}

void workbench::want(const std::string& name, const std::string& image) const {
  write_file(name + ".yaml", "apiVersion: gkm.io/v1alpha1\nkind: GKMCache\nmetadata:\n  name: " +
                                 name + "\nspec:\n  image: " + image + "\n");
}

std::vector<cache_status> workbench::statuses() const {
  std::vector<cache_status> all;
  std::error_code failed;
  for (fs::recursive_directory_iterator it(state_ / "caches", failed), end; !failed && it != end;
       it.increment(failed)) {
    if (it->path().filename() != "status.json" || it.depth() < 2) continue;
    auto text = base::read_file(it->path(), max_record_bytes);
    if (!text) continue;
    auto parsed = parse_cache_status(*text);
    EXPECT_TRUE(parsed) << *text;
    if (parsed) all.push_back(std::move(*parsed));
  }
  return all;
}

std::string workbench::problems() const {
  auto said = gkm({"status", "-o", "json"});
  auto document = json::parse(said.out);
  std::string all;
  if (!document || !document->IsObject() || !document->HasMember("problems")) return all;
  for (const auto& p : (*document)["problems"].GetArray())
    all += fs::path(p["file"].GetString()).filename().string() + ":" +
           std::to_string(p["line"].GetInt()) + ": " + p["field"].GetString() + " " +
           p["message"].GetString() + "\n";
  return all;
}

cache_status workbench::status(const std::string& name) const {
  for (const auto& s : statuses())
    if (s.ref.name == name) return s;
  return {};
}

cache_status workbench::wait_for(const std::string& name, const std::string& what,
                                 const std::function<bool(const cache_status&)>& is_so) const {
  cache_status seen;
  bool came = eventually(name + " " + what, [&] {
    seen = status(name);
    return !seen.ref.name.empty() && is_so(seen);
  });
  if (!came) ADD_FAILURE() << "Last seen: " << print_cache_status(seen);
  return seen;
}

cache_status workbench::wait_ready(const std::string& name) const {
  return wait_for(name, "is ready",
                  [](const cache_status& s) { return s.state == cache_state::extracted; });
}

cache_status workbench::wait_error(const std::string& name, errc code) const {
  return wait_for(name, "fails as " + std::string(to_string(code)), [&](const cache_status& s) {
    return s.state == cache_state::error && s.code == code;
  });
}

void workbench::wait_store(size_t digests) const {
  eventually("nothing staged, " + std::to_string(digests) + " stored",
             [&] { return staged().empty() && stored().size() == digests; });
}

std::vector<std::string> workbench::staged() const { return names_in(state_ / "staging"); }
std::vector<std::string> workbench::stored() const { return names_in(state_ / "store" / "sha256"); }

bool workbench::has_unsynced() const {
  for (const auto& d : stored())
    if (fs::exists(state_ / "store" / "sha256" / d / "unsynced")) return true;
  return false;
}

}  // namespace gkm::support
