#include "messages/actors/caf.hpp"

namespace gkm {
namespace {

const auto category = caf::atom("gkm");

}  // namespace

caf::error to_caf(const error& e) {
  return caf::error{static_cast<uint8_t>(e.code), category,
                    caf::make_message(e.message, int64_t{e.retry_after.count()})};
}

error from_caf(const caf::error& e) {
  if (e.category() == category && e.context().match_elements<std::string, int64_t>())
    return {static_cast<errc>(e.code()), e.context().get_as<std::string>(0),
            std::chrono::seconds(e.context().get_as<int64_t>(1))};
  if (e == caf::sec::request_timeout)
    return {errc::unavailable, "no answer in time from another part of this program", {}};
  return {errc::internal, "actor failed: " + caf::actor_system_config::render(e), {}};
}

void configure(caf::actor_system_config& cfg, size_t threads) {
  cfg.set("scheduler.policy", caf::atom("sharing"));
  cfg.set("scheduler.max-threads", threads);
  cfg.set("logger.file-verbosity", caf::atom("quiet"));
  cfg.set("logger.console-verbosity", caf::atom("quiet"));
}

}  // namespace gkm
