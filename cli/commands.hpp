/// What each subcommand does. They print to standard output, errors go back to the caller.
#pragma once

#include "actors/node/disk/disk_settings.hpp"
#include "cli/machine/machine.hpp"
#include "cli/options.hpp"
#include "messages/errors.hpp"

#include <chrono>
#include <string>

namespace gkm::cli {

/// A machine of one's own, with one tenant more often than not.
inline const node::disk_shares shares_on_one_machine{{90, true}, {90, true}, {1, true}, true};

/// `gkm up DIR`: keeps the caches of a directory of YAML files ready. Returns the exit code: with
/// `once` after every cache is ready or has failed, else after a signal.
result<int> up(const options& o, const std::string& dir, bool once, const node::disk_flags& disk);

/// `gkm status [NAME]` of this machine; `watch`: goes on with what changes. The exit code of a
/// cache that was named and has failed is its error's.
result<int> status(const options& o, const machine_selection& what, bool watch);

/// `gkm wait NAME` on this machine: until the cache is ready, or cannot be, or the time is over.
result<int> wait_for(const options& o, const std::string& name, std::chrono::seconds at_most);

/// `gkm pull IMAGE [DIR]`.
result<int> pull(const options& o, const std::string& image, std::string dir);

/// `gkm inspect IMAGE|DIR|FILE`.
result<int> inspect(const options& o, const std::string& what);

/// `gkm verify-store`: reads every byte of what is stored, and marks what is damaged.
result<int> verify_store(const options& o);

/// `gkm gpus`.
result<int> gpus(const options& o);

}  // namespace gkm::cli
