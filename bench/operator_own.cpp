/// What an operator costs by itself: real reports, as JSON, are read one at a time and told to the
/// real actors, whose API takes every write at once. Making the reports is not counted, and one
/// is in memory at a time.
///   bench-operator-own [nodes] [caches] [reports of each node]
#include "actors/operator/caches.hpp"
#include "actors/operator/pull_secrets.hpp"
#include "base/program/log.hpp"
#include "k8s/objects/object.hpp"
#include "k8s/objects/types.hpp"
#include "messages/names.hpp"
#include "tests/support/sim/sim_world.hpp"

#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace gkm::bench {
namespace {

using sim::duration;

/// Takes every write, and tells of it as a watch does.
struct willing_api : op::api_port, op::resolver_port, op::secrets_port {
  std::map<cache_ref, cache_object> caches;
  std::function<void(const cache_object&)> tell;
  uint64_t writes = 0;

  void take(cache_object now, const answer<cache_object>& reply) {
    now.object.resource_version = std::to_string(++writes);
    caches[now.ref] = now;
    reply(now);
    tell(now);
  }
  void write_status(const cache_object& seen, const cache_object_status& wanted,
                    answer<cache_object> reply) override {
    auto now = caches.at(seen.ref);
    now.status = wanted;
    take(now, reply);
  }
  void add_finalizer(const cache_object& seen, answer<cache_object> reply) override {
    auto now = caches.at(seen.ref);
    now.object.finalizers = {std::string(names::in_use_finalizer)};
    take(now, reply);
  }
  void remove_finalizer(const cache_object& seen, answer<cache_object> reply) override {
    reply(caches.at(seen.ref));
  }
  void read(const cache_ref& ref, answer<cache_object> reply) override { reply(caches.at(ref)); }
  void read_pods(const cache_ref&, const std::vector<std::string>&,
                 answer<std::vector<std::string>> reply) override {
    reply(std::vector<std::string>{});
  }
  void record(const cache_object&, const op::cache_event&) override {}
  void ensure_driver(answer<done> reply) override { reply(done{}); }
  void resolve(const cache_object&, std::stop_token, answer<digest>) override {}
  void read_login(const op::secret_ref&, answer<op::registry_login> reply) override {
    reply(fail(errc::not_found, "no secrets here"));
  }
  void write_part(const op::secret_ref&, const op::copied_part&, const std::string&,
                  answer<done> reply) override {
    reply(done{});
  }
  void drop_part(const std::string&, answer<done> reply) override { reply(done{}); }
  void list_parts(answer<std::vector<op::copied_part>> reply) override {
    reply(std::vector<op::copied_part>{});
  }
};

struct wall_clock : op::clock_port {
  explicit wall_clock(sim::world& w) : world(w) {}
  int64_t unix_seconds() override { return 1'800'000'000 + world.now_ms() / 1'000; }
  sim::world& world;
};

/// Processor time of this thread while it is `in`.
class stopwatch {
public:
  template <class F>
  auto in(F work) {
    auto begun = now();
    auto end = [&] { spent_ += now() - begun; };
    if constexpr (std::is_void_v<decltype(work())>) {
      work();
      end();
    } else {
      auto made = work();
      end();
      return made;
    }
  }
  double seconds() const { return spent_; }

private:
  static double now() {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
  }
  double spent_ = 0;
};

double heap_mb() { return static_cast<double>(::mallinfo2().uordblks) / 1e6; }

digest digest_of(size_t cache) {
  digest d;
  d.hex = std::string(54, 'c') + std::to_string(1'000'000'000 + cache);
  return d;
}

std::string name_of(size_t cache) { return "some-triton-cache-" + std::to_string(100'000 + cache); }

/// As agents write it: the first `extracted` are there, the others on their way.
std::string report_text(const std::string& node, size_t caches, size_t extracted, size_t version) {
  node_report r;
  r.ns = "team";
  r.name = r.node_name = node;
  for (size_t i = 0; i < caches; ++i) {
    const char* state = i < extracted ? "Extracted" : "Pending";
    auto& e = r.caches[name_of(i)][digest_of(i)];
    e.conditions = {{state, condition_status::yes, state, "", 0, 1'700'000'000}};
    e.updated_unix_s = 1'700'000'000;
    if (i >= extracted) continue;
    e.compatible_gpus = {0, 1, 2, 3, 4, 5, 6, 7};
    e.volume_bytes = 80'000;
  }
  auto status = *k8s::status_patch(node_report{}, r);
  return R"({"apiVersion":"gkm.io/v1alpha1","kind":"GKMCacheNode","metadata":{"name":")" + node +
         R"(","namespace":"team","uid":"u","resourceVersion":")" + std::to_string(version) +
         "\"}," + status.substr(1);
}

node_facts node_of(const std::string& name) {
  node_facts facts;
  facts.name = name;
  facts.ready = true;
  for (int i = 0; i < 40; ++i)
    facts.labels["feature.example.com/gpu-something-" + std::to_string(i)] = "value-" + name;
  return facts;
}

struct figures {
  double parse_s = 0, actors_s = 0;
};

class cluster_in_a_box {
public:
  cluster_in_a_box() : clock_(world_) {
    world_.chaos().stop();
    secrets_ =
        gkm::spawn<op::pull_secrets_state>(world_.system(), static_cast<op::secrets_port&>(api),
                                           std::string("gkm-system"), uint64_t{1});
    caches_ = gkm::spawn<op::caches_state>(world_.system(), op::cluster_ports{api, api, clock_},
                                           secrets_, uint64_t{1});
    api.tell = [this](const cache_object& now) { caf::anon_send(caches_, changed_atom_v, now); };
    say(synced_atom_v, true);
    say(lead_atom_v, true);
  }
  ~cluster_in_a_box() {
    caf::anon_send_exit(caches_, caf::exit_reason::kill);
    caf::anon_send_exit(secrets_, caf::exit_reason::kill);
    world_.settle();
  }

  void add_caches(size_t n) {
    for (size_t i = 0; i < n; ++i) {
      cache_object c;
      c.ref = {"team", name_of(i)};
      c.image = "registry.example/cache:" + std::to_string(i);
      c.admitted_digest = digest_of(i);
      c.object.uid = "u";
      c.object.resource_version = "0";
      c.object.generation = 1;
      api.caches[c.ref] = c;
      say(changed_atom_v, c);
    }
  }
  void join(const std::string& name) {
    node_report own;
    own.name = own.node_name = name;
    own.gpus = {{"MI300X", "6.4", {0, 1, 2, 3, 4, 5, 6, 7}}};
    own.renewed_unix_s = 1;
    say(node_atom_v, node_of(name));
    say(report_atom_v, summarize(own));
  }
  void hear(const std::string& text) {
    auto summary =
        parse_.in([&] { return summarize(*k8s::parse_node_report(*k8s::object::parse(text))); });
    say(report_atom_v, std::move(summary));
  }
  void pass(int64_t ms) {
    actors_.in([&] { world_.run(duration(ms), [] {}); });
  }
  figures spent() const { return {parse_.seconds(), actors_.seconds()}; }
  bool is_settled(size_t nodes) const {
    return std::all_of(api.caches.begin(), api.caches.end(), [&](const auto& c) {
      const auto* ready = find_condition(c.second.status.conditions, "Ready");
      return ready && ready->status == condition_status::yes &&
             c.second.status.counts.nodes == nodes;
    });
  }

  willing_api api;

private:
  template <class... Ts>
  void say(Ts&&... message) {
    actors_.in([&] {
      caf::anon_send(caches_, std::forward<Ts>(message)...);
      world_.settle();
    });
  }

  sim::world world_{1};
  wall_clock clock_;
  stopwatch parse_, actors_;
  pull_secrets_actor secrets_;
  caches_actor caches_;
};

int converge(size_t nodes, size_t caches, size_t reports) {
  auto before_mb = heap_mb();
  cluster_in_a_box box;
  box.add_caches(caches);
  constexpr size_t names_start = 100'000;
  auto name = [](size_t i) { return "worker-" + std::to_string(names_start + i) + ".example.com"; };
  for (size_t i = 0; i < nodes; ++i) box.join(name(i));
  // A second of virtual time for all of them.
  const size_t at_once = std::max<size_t>(1, nodes / 1'000);
  for (size_t r = 0; r < reports; ++r)
    for (size_t i = 0; i < nodes; ++i) {
      box.hear(report_text(name(i), caches, caches * r / (reports - 1), r));
      if (i % at_once == 0) box.pass(1);
    }
  box.pass(20'000);
  auto spent = box.spent();
  std::printf("%zu nodes x %zu caches, %zu reports: %s, %llu writes of caches\n", nodes, caches,
              nodes * reports, box.is_settled(nodes) ? "right" : "NOT RIGHT",
              static_cast<unsigned long long>(box.api.writes));
  std::printf("own heap %.0f MB; cpu: reading reports %.1f s, all else %.1f s\n",
              heap_mb() - before_mb, spent.parse_s, spent.actors_s);
  return box.is_settled(nodes) ? 0 : 1;
}

/// One change in a report of so many caches, in microseconds.
figures change_one(size_t caches) {
  cluster_in_a_box box;
  box.add_caches(caches);
  box.join("one");
  box.hear(report_text("one", caches, caches - 1, 0));
  box.pass(60'000);
  constexpr size_t rounds = 400;
  auto before = box.spent();
  for (size_t i = 1; i <= rounds; ++i)
    box.hear(report_text("one", caches, caches - (i % 2 ? 0 : 1), i));
  auto after = box.spent();
  constexpr double us = 1e6 / rounds;
  return {(after.parse_s - before.parse_s) * us, (after.actors_s - before.actors_s) * us};
}

}  // namespace
}  // namespace gkm::bench

int main(int argc, char** argv) {
  auto number = [&](int i, size_t otherwise) {
    return argc > i ? std::strtoul(argv[i], nullptr, 10) : otherwise;
  };
  gkm::base::log::configure(gkm::base::log::level::error, false);
  for (size_t caches : {50u, 200u}) {
    auto one = gkm::bench::change_one(caches);
    std::printf("one change in a report of %zu caches: %.0f us to read it, %.1f us for all else\n",
                caches, one.parse_s, one.actors_s);
  }
  return gkm::bench::converge(number(1, 1'000), number(2, 50), std::max<size_t>(2, number(3, 12)));
}
