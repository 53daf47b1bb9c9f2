#include "cli/machine/mount_owner.hpp"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace gkm::cli {
namespace {

std::optional<uint32_t> number_in(std::string_view text, int base = 10) {
  uint32_t n = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n, base);
  if (text.empty() || failed != std::errc{} || end != text.data() + text.size()) return {};
  return n;
}

std::optional<uint32_t> number_of(const char* variable) {
  const char* text = std::getenv(variable);
  return text ? number_in(text) : std::nullopt;
}

csi::view_owner caller() {
  csi::view_owner who{::getuid(), ::getgid()};
  auto uid = number_of("SUDO_UID"), gid = number_of("SUDO_GID");
  if (who.uid == 0 && uid && gid) who = {*uid, *gid};
  return who;
}

tl::unexpected<error> unknown(const char* what, const std::string& name) {
  return fail(errc::invalid_argument, "--owner: there is no " + std::string(what) + " '" + name +
                                          "' on this machine; say USER, USER:GROUP or numbers");
}

result<csi::view_owner> parse_owner(const std::string& text) {
  auto colon = text.find(':');
  auto user = text.substr(0, colon);
  csi::view_owner who;
  if (auto uid = number_in(user)) {
    who.uid = who.gid = *uid;
    if (const auto* entry = ::getpwuid(*uid)) who.gid = entry->pw_gid;
  } else if (const auto* entry = ::getpwnam(user.c_str())) {
    who.uid = entry->pw_uid;
    who.gid = entry->pw_gid;
  } else {
    return unknown("user", user);
  }
  if (colon == text.npos) return who;
  auto group = text.substr(colon + 1);
  if (auto gid = number_in(group))
    who.gid = *gid;
  else if (const auto* entry = ::getgrnam(group.c_str()))
    who.gid = entry->gr_gid;
  else
    return unknown("group", group);
  return who;
}

}  // namespace

result<csi::view_owner> owner_of(const std::string& owner, const std::string& mode,
                                 bool read_only) {
  auto who = owner.empty() ? result<csi::view_owner>(caller()) : parse_owner(owner);
  if (!who || mode.empty()) return who;
  constexpr int octal = 8;
  auto bits = number_in(mode, octal);
  bool possible = bits && (*bits == 0700 || *bits == 0770 || *bits == 0777 ||
                           (read_only && (*bits == 0750 || *bits == 0755)));
  if (!possible)
    return fail(errc::invalid_argument,
                "--mode '" + mode +
                    "' is not possible: say 0700 (the owner alone), 0770 (and the group) or 0777 "
                    "(everybody); whoever may enter a mount may write in it, except with "
                    "--read-only, where 0750 and 0755 do as well");
  who->mode = *bits;
  return who;
}

std::string describe(const csi::view_owner& owner) {
  const auto* entry = ::getpwuid(owner.uid);
  std::array<char, 8> mode{};
  std::snprintf(mode.data(), mode.size(), "%04o", owner.mode);
  return (entry ? std::string(entry->pw_name) : std::to_string(owner.uid)) + " (" + mode.data() +
         ")";
}

}  // namespace gkm::cli
