#include "base/program/landlock.hpp"

#include "base/files.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace gkm::base {
namespace fs = std::filesystem;
namespace {

/// Before this, no rename from one directory to another could be allowed.
constexpr long first_usable_abi = 2;
constexpr long truncate_abi = 3;
constexpr uint64_t truncate_right = 1ULL << 14U;  // newer than Debian 12's header

constexpr uint64_t read_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr uint64_t write_rights =
    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SYM |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_REFER;
constexpr uint64_t never_allowed =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
/// All that means anything for what is no directory.
constexpr uint64_t file_rights =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | truncate_right;

long kernel_abi() {
  return ::syscall(SYS_landlock_create_ruleset, nullptr, size_t{0},
                   LANDLOCK_CREATE_RULESET_VERSION);
}

result<void> allow(const fd& rules, const fs::path& path, uint64_t rights) {
  fd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!place && (errno == ENOENT || errno == ENOTDIR || errno == EACCES)) return {};
  struct stat info {};
  if (!place || ::fstat(place.get(), &info) != 0)
    return fail(errno_error(errno, "limit access to", path));
  landlock_path_beneath_attr rule{};
  rule.allowed_access = S_ISDIR(info.st_mode) ? rights : rights & file_rights;
  rule.parent_fd = place.get();
  if (::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0U) != 0)
    return fail(errno_error(errno, "limit access to", path));
  return {};
}

/// A rule is about a file as it is, not about its name: whatever takes its place is another.
std::vector<fs::path> with_place(const fs::path& file) {
  if (file.empty()) return {};
  auto place = fs::absolute(file).lexically_normal().parent_path();
  if (place == "/" || place == "/etc") return {file};
  return {file, place};
}

}  // namespace

std::vector<fs::path> system_files() {
  std::vector<fs::path> all{"/usr", "/lib", "/lib64", "/proc", "/dev/null", "/dev/urandom"};
  for (const char* name :
       {"ca-certificates", "gai.conf", "host.conf", "hosts", "ld.so.cache", "localtime",
        "nsswitch.conf", "pki", "resolv.conf", "services", "ssl/certs", "ssl/openssl.cnf"})
    all.push_back(fs::path("/etc") / name);
  // /etc/resolv.conf is often a link to a file that is replaced: then its directory counts.
  std::error_code failed;
  auto resolver = fs::canonical("/etc/resolv.conf", failed);
  if (!failed && resolver.parent_path() != "/etc") all.push_back(resolver.parent_path());
  return all;
}

result<bool> confine_files(const file_access& allowed) {
  auto abi = kernel_abi();
  if (abi < first_usable_abi) return false;
  auto writing = write_rights | (abi >= truncate_abi ? truncate_right : 0);
  landlock_ruleset_attr all{};
  all.handled_access_fs = read_rights | writing | never_allowed;
  fd rules(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0U)));
  if (!rules) return fail(errno_error(errno, "limit access to", "/"));
  for (const auto& path : allowed.read)
    if (auto done = allow(rules, path, read_rights); !done) return fail(done.error());
  for (const auto& file : allowed.replaced)
    for (const auto& path : with_place(file))
      if (auto done = allow(rules, path, read_rights); !done) return fail(done.error());
  for (const auto& path : allowed.write)
    if (auto done = allow(rules, path, read_rights | writing); !done) return fail(done.error());
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::syscall(SYS_landlock_restrict_self, rules.get(), 0U) != 0)
    return fail(errno_error(errno, "limit access to", "/"));
  return true;
}

}  // namespace gkm::base
