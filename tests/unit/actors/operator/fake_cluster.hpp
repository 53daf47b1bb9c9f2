/// The operator's ports as they are where nothing goes wrong but what a test wants to.
#pragma once

#include "actors/operator/cache_object.hpp"
#include "messages/names.hpp"

#include <optional>
#include <string>

namespace gkm::op {

/// Takes every write at once, and has the object as it then is.
struct fake_api : api_port {
  cache_object there;
  size_t status_writes = 0;
  size_t finalizer_writes = 0;
  size_t removals = 0;
  bool gone = false;
  bool strips_finalizers = false;  ///< as somebody's admission may
  std::optional<cache_ref> only;   ///< of others nothing is ever answered

  void write_status(const cache_object& seen, const cache_object_status& wanted,
                    answer<cache_object> reply) override {
    if (only && seen.ref != *only) return;
    ++status_writes;
    there.status = wanted;
    take(reply);
  }
  void add_finalizer(const cache_object& seen, answer<cache_object> reply) override {
    if (only && seen.ref != *only) return;
    if (++finalizer_writes > 1'000) return;  // a loop without an end
    if (!strips_finalizers) there.object.finalizers = {std::string(names::in_use_finalizer)};
    take(reply);
  }
  void remove_finalizer(const cache_object& seen, answer<cache_object> reply) override {
    if (only && seen.ref != *only) return;
    ++removals;
    if (gone) return reply(fail(errc::not_found, "no such cache"));
    there.object.finalizers.clear();
    if (!there.object.deleting) return take(reply);
    // It goes, and is answered as it was last stored.
    gone = true;
    reply(there);
  }
  void read(const cache_ref&, answer<cache_object> reply) override { reply(there); }
  std::vector<std::string> pods;
  size_t asked_for_pods = 0;
  void read_pods(const cache_ref&, const std::vector<std::string>&,
                 answer<std::vector<std::string>> reply) override {
    ++asked_for_pods;
    reply(pods);
  }
  void record(const cache_object&, const cache_event&) override {}
  void ensure_driver(answer<done> reply) override { reply(done{}); }

private:
  void take(const answer<cache_object>& reply) {
    there.object.resource_version = std::to_string(++version_);
    reply(there);
  }
  uint64_t version_ = 1;
};

struct deaf_registry : resolver_port {
  size_t asked = 0;
  void resolve(const cache_object&, std::stop_token, answer<digest> reply) override {
    ++asked;
    reply(fail(errc::unavailable, "the registry is down"));
  }
};

struct fake_clock : clock_port {
  int64_t unix_seconds() override { return 1'800'000'000; }
};

struct small_secrets : secrets_port {
  void read_login(const secret_ref&, answer<registry_login> reply) override {
    reply(registry_login{"1", "{}"});
  }
  std::string sealed;  ///< what was written last
  void write_part(const secret_ref&, const copied_part&, const std::string& text,
                  answer<done> reply) override {
    sealed = text;
    reply(done{});
  }
  void drop_part(const std::string&, answer<done> reply) override { reply(done{}); }
  void list_parts(answer<std::vector<copied_part>> reply) override {
    reply(std::vector<copied_part>{});
  }
};

}  // namespace gkm::op
