#include "actors/operator/followed_settings.hpp"

#include "k8s/config.hpp"

namespace gkm::op {
namespace log = base::log;
namespace {

constexpr const char* level_key = "gkm.operator.log.level";
constexpr const char* kyverno_key = "gkm.kyverno.enabled";

}  // namespace

followed_settings::followed_settings(const settings& s, metrics& counts, log::level now)
    : settings_(s), metrics_(counts), level_(level_key, now) {}

void followed_settings::take(const config_data& data) {
  if (settings_.log_level.empty()) {
    auto level = data.find(level_key);
    if (level != data.end())
      level_.take(level->second);
    else
      level_.take(fail(errc::not_found, "gkm-config has no such key"));
  }
  take_kyverno(data);
}

/// Nothing acts on it before there is a policy for signatures; it must not look as if something
/// did.
void followed_settings::take_kyverno(const config_data& data) {
  auto here = data;
  if (!here.contains(kyverno_key))
    here[kyverno_key] = k8s::process_environment("KYVERNO_VERIFICATION_ENABLED");
  auto enabled = read_config(here).kyverno;
  if (!enabled || std::exchange(kyverno_, enabled) == enabled) return;
  metrics_.set_kyverno(*enabled);
  if (*enabled)
    log::warn("Signatures are not verified yet: gkm.kyverno.enabled has no effect on caches");
}

}  // namespace gkm::op
