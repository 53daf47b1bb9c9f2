/// Copies of the pull secrets that caches name, in a namespace of their own, where agents may read.
///
// clang-format off
///   per secret:  wanted ──▶ copying ──copied──▶ there ──a cache changed, a node failed──▶ copying
///                              └──failed──▶ pausing (1 s … 5 min) ──▶ copying
///                nobody names it ──▶ dropping ──dropped──▶ gone
// clang-format on
/// Sources are not watched: a secret changes rarely and a watch would need the right to read all of
/// them. They are read again when a cache that names them changes, when a leader begins, and when a
/// node cannot log in, which is when it matters.
#pragma once

#include "actors/operator/ports.hpp"
#include "base/pause.hpp"
#include "messages/actors.hpp"

#include <map>
#include <random>
#include <set>

namespace gkm::cluster {

class pull_secrets_state {
public:
  using handle = pull_secrets_actor;
  static constexpr const char* name = "pull_secrets";

  /// `own_ns` is where those of caches without a namespace are.
  pull_secrets_state(pull_secrets_actor::pointer self, secrets_port& port, std::string own_ns,
                     uint64_t seed);
  pull_secrets_actor::behavior_type make_behavior();

private:
  struct entry {
    secret_ref from;
    std::set<cache_ref> users;  ///< none: the copy goes
    bool due = true;            ///< to be copied, or dropped
    bool busy = false;
    base::pause rest;
    uint32_t failures = 0;
  };

  void wanted(const cache_ref& ref, const std::vector<std::string>& names);
  void login_failed(const cache_ref& ref);
  void set_acting(bool acting);
  void sweep(const std::vector<std::string>& found);
  void proceed(const std::string& copy);
  void finished(const std::string& copy, bool dropped, const result<done>& outcome);
  void rest(const std::string& copy, std::chrono::milliseconds pause);
  void flush(const std::string& copy);

  pull_secrets_actor::pointer self_;
  secrets_port& port_;
  std::string own_ns_;
  std::mt19937_64 chance_;
  std::map<std::string, entry> copies_;  ///< by the copy's name
  std::map<cache_ref, std::set<std::string>> by_cache_;
  bool acting_ = false;
};

}  // namespace gkm::cluster
