/// Copies of the pull secrets that caches name, in a namespace of their own where agents may read,
/// sealed for the nodes that these caches are to be on (messages/pull_secret.hpp).
///
// clang-format off
///   per copy:  wanted ──▶ reading ──read──▶ writing what differs ──▶ there
///                 ▲          └──failed──▶ pausing (1 s … 5 min) ──▶ reading
///                 └── a cache changed, a node failed, came, went, has another key or labels
///              nobody names it ──▶ dropping ──dropped──▶ gone
// clang-format on
/// Sources are not watched: a secret changes rarely and a watch would need the right to read all of
/// them. They are read again when a cache that names them changes, when a leader begins, and when a
/// node cannot log in, which is when it matters. What is read stays in memory while it is written.
///
/// A part is written if the secret, or the nodes or keys of the part, are others than those that it
/// was sealed from, which it says itself: a new leader writes nothing that is right. Nodes that
/// come at the same time are gathered for some seconds. Namespaces take turns, and each has an
/// allowance.
#pragma once

#include "actors/operator/allowance.hpp"
#include "actors/operator/ports.hpp"
#include "base/pause.hpp"
#include "base/sealing.hpp"
#include "base/turns.hpp"
#include "base/upkeep.hpp"
#include "messages/actors/interfaces.hpp"

#include <map>
#include <memory>
#include <random>
#include <set>

namespace gkm::op {

inline constexpr size_t copies_at_once_max = 4;
inline constexpr size_t copies_at_once_of_namespace_max = 2;
/// How many copies one namespace has; caches that name more secrets do without them.
inline constexpr size_t copies_of_namespace_max = 256;
/// How many copies of one namespace are read and written at once, then one each second.
inline constexpr uint32_t copies_in_a_row_max = 16;
inline constexpr std::chrono::milliseconds between_copies_of_namespace{1'000};
/// Nodes that come or change within this time cause one write.
inline constexpr std::chrono::milliseconds nodes_gathered_for{3'000};

class pull_secrets_state {
public:
  using handle = pull_secrets_actor;
  static constexpr const char* name = "pull_secrets";

  /// `own_ns` is where those of caches without a namespace are.
  pull_secrets_state(pull_secrets_actor::pointer self, secrets_port& port, std::string own_ns,
                     uint64_t seed);
  pull_secrets_actor::behavior_type make_behavior();

private:
  using labels = std::map<std::string, std::string>;
  /// Each "key=value" as a number, in order: a tenth of the memory, and quickly compared.
  using label_marks = std::vector<uint64_t>;
  using node_place = std::pair<uint16_t, std::string>;  ///< the mark of its name, and the name

  struct node {
    label_marks marks;
    std::string key;
  };
  struct entry {
    secret_ref from;
    std::map<cache_ref, label_marks> users;  ///< and their selectors; none: the copy goes
    std::string version;                     ///< of the secret when it was last read
    std::map<size_t, copied_part> parts;     ///< in the API
    std::set<size_t> dirty;                  ///< parts that may differ from what they shall be
    base::upkeep work;                       ///< due: to be read
    bool waiting = false;                    ///< for its allowance, or its turn
    base::pause reread;                      ///< after a success
  };
  struct tenant {
    allowance budget{copies_in_a_row_max, between_copies_of_namespace};
    std::set<std::string> copies;
    std::vector<std::string> waiting;  ///< for the allowance
    bool told = false;                 ///< that it has too many
  };
  struct job;
  using shared_job = std::shared_ptr<job>;

  void wanted(const cache_ref& ref, const std::vector<std::string>& names, const labels& selector);
  void login_failed(const cache_ref& ref);
  void node_said(const std::string& name, const labels& has, const std::string& key_base64);
  void choose_parts();
  void touch_all();
  void gather();
  void set_acting(bool acting);
  void listed(const std::vector<copied_part>& found);
  entry* entry_for(const secret_ref& from, const std::string& copy);

  void proceed(const std::string& copy);
  void admit(const std::string& ns);
  void serve();
  void begin(const std::string& copy, const std::string& tenant);
  void taken(const shared_job& job, const result<registry_login>& login);
  void drop_all(const shared_job& job);
  void next_part(const shared_job& job);
  void drop(const shared_job& job, size_t part);
  void end(const shared_job& job, const result<done>& outcome);
  void failed(const std::string& copy, const error& e);
  void forget(const std::string& copy);
  void mark_all(entry& e) const;
  std::vector<base::recipient> recipients(const entry& e, size_t part, size_t parts) const;
  void later(std::chrono::milliseconds pause, std::function<void()> what);

  pull_secrets_actor::pointer self_;
  secrets_port& port_;
  std::string own_ns_;
  std::mt19937_64 chance_;
  result<base::sealer> sealer_;
  std::map<std::string, entry> copies_;  ///< by the copy's name
  std::map<cache_ref, std::set<std::string>> by_cache_;
  std::map<node_place, node> nodes_;  ///< that have a key
  std::map<std::string, tenant> tenants_;
  base::turns<std::string> line_;
  std::set<std::string> touched_;  ///< by nodes, not proceeded with yet
  bool gathering_ = false;
  size_t parts_ = 1;
  bool acting_ = false;
};

}  // namespace gkm::op
