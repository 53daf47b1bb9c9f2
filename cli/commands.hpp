/// What each subcommand does. They print to standard output, errors go back to the caller.
#pragma once

#include "actors/node/disk_budget.hpp"
#include "cli/options.hpp"
#include "messages/errors.hpp"

#include <string>

namespace gkm::cli {

/// `gkm up DIR`: keeps the caches of a directory of YAML files ready. Returns the exit code: with
/// `once` after every cache is ready or has failed, else after a signal.
result<int> up(const options& o, const std::string& dir, bool once,
               const node::disk_shares& shares);

/// `gkm status [NAME]`.
result<int> status(const options& o, const std::string& name);

/// `gkm pull IMAGE [DIR]`.
result<int> pull(const options& o, const std::string& image, std::string dir);

/// `gkm inspect IMAGE|DIR`.
result<int> inspect(const options& o, const std::string& what);

/// `gkm gpus`.
result<int> gpus(const options& o);

}  // namespace gkm::cli
