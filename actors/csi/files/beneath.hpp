/// Steps beneath a directory in which others may write: no link is followed, nothing outside is
/// reached. A failed step leaves its reason in errno.
#pragma once

#include "base/files.hpp"

#include <string>

namespace gkm::csi {

/// Opens `relative` beneath the open directory `root`; an invalid descriptor if that fails.
base::fd open_beneath(int root, const std::string& relative, int flags);

/// Opens a directory, an entry of `parent` that is no link; made with exactly `mode` if absent.
base::fd make_directory(int parent, const std::string& name, unsigned mode);

/// Opens a directory of our own, made if absent. Errors: refused if it belongs to another user or
/// others may write in it, for what lies there is trusted.
result<base::fd> open_own_directory(const std::filesystem::path& dir, unsigned mode);

/// True if `code` says that a path led through a link, out of its root, or to what is no directory
/// or regular file.
bool is_out_of_place(int code);

/// A path that leads the kernel to an open file, or to an entry of an open directory.
std::string path_of(int fd);
std::string path_of(int fd, const std::string& name);

/// Where an open directory lies, as the kernel tells.
std::string real_path(int fd);

}  // namespace gkm::csi
