#include "actors/csi/scratch/project_quota.hpp"

#include "actors/csi/files/beneath.hpp"
#include "base/program/log.hpp"

#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace gkm::csi {
namespace {

/// Far from what others count up from: kubelet begins at 2^20, people at 1.
constexpr uint32_t first_project = 0x676b6d00;
constexpr uint32_t projects_max = 1 << 20;
/// The smallest file that ext4 and xfs keep takes a block of this size.
constexpr uint64_t bytes_per_inode = 4'096;
constexpr uint64_t least_inodes = 1'024;

bool is_ours(uint32_t project) {
  return project >= first_project && project - first_project < projects_max;
}

uint32_t project_of(int dir) {
  fsxattr attributes{};
  if (::ioctl(dir, FS_IOC_FSGETXATTR, &attributes) != 0) return 0;
  return is_ours(attributes.fsx_projid) ? attributes.fsx_projid : 0;
}

bool set_project(int dir, uint32_t project) {
  fsxattr attributes{};
  if (::ioctl(dir, FS_IOC_FSGETXATTR, &attributes) != 0) return false;
  attributes.fsx_projid = project;
  attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
  return ::ioctl(dir, FS_IOC_FSSETXATTR, &attributes) == 0;
}

bool quota_call(int dir, int command, uint32_t project, if_dqblk& limits) {
  return ::syscall(SYS_quotactl_fd, dir, QCMD(command, PRJQUOTA), project, &limits) == 0;
}

bool set_limits(int dir, uint32_t project, uint64_t bytes, uint64_t inodes) {
  if_dqblk limits{};
  limits.dqb_bhardlimit = quota_blocks(bytes);
  limits.dqb_ihardlimit = inodes;
  limits.dqb_valid = QIF_LIMITS;
  return quota_call(dir, Q_SETQUOTA, project, limits);
}

}  // namespace

uint64_t quota_blocks(uint64_t bytes) {
  // The kernel turns them into bytes again, with a sign.
  constexpr uint64_t most = std::numeric_limits<int64_t>::max() / QIF_DQBLKSIZE;
  return std::min(bytes / QIF_DQBLKSIZE + (bytes % QIF_DQBLKSIZE != 0), most);
}

uint32_t project_quota::take() {
  for (uint32_t i = 0; i < projects_max; ++i)
    if (used_.insert(first_project + i).second) return first_project + i;
  return 0;
}

result<void> project_quota::limit(const base::fd& dir, uint64_t max_bytes) {
  std::lock_guard lock(mutex_);
  if (impossible_ || max_bytes == 0) return {};
  auto project = take();
  if (project == 0) return fail(errc::limit_exceeded, "Cannot limit the scratch of more volumes");
  auto inodes = std::max(max_bytes / bytes_per_inode, least_inodes);
  if (set_limits(dir.get(), project, max_bytes, inodes) && set_project(dir.get(), project))
    return {};
  auto code = errno;
  used_.erase(project);
  if (code == ENOSPC || code == EDQUOT || code == EIO)
    return fail(base::errno_error(code, "limit", real_path(dir.get())));
  impossible_ = true;
  base::log::info("What pods write is not limited: the file system has no project quota",
                  {{"dir", real_path(dir.get())},
                   {"error", std::error_code(code, std::generic_category()).message()}});
  return {};
}

bool project_quota::is_impossible() const {
  std::lock_guard lock(mutex_);
  return impossible_;
}

uint32_t project_quota::adopt(const base::fd& dir) {
  auto project = project_of(dir.get());
  std::lock_guard lock(mutex_);
  if (project != 0) used_.insert(project);
  return project;
}

void project_quota::release(int dir, uint32_t project) {
  if (project == 0) return;
  constexpr uint64_t none = 0;
  set_limits(dir, project, none, none);
  std::lock_guard lock(mutex_);
  used_.erase(project);
}

std::optional<quota_report> project_quota::report(const base::fd& dir) const {
  auto project = project_of(dir.get());
  if (project == 0) return std::nullopt;
  if_dqblk found{};
  if (!quota_call(dir.get(), Q_GETQUOTA, project, found)) return std::nullopt;
  return quota_report{found.dqb_curspace, found.dqb_curinodes, found.dqb_bhardlimit * QIF_DQBLKSIZE,
                      found.dqb_ihardlimit};
}

}  // namespace gkm::csi
