#include "actors/csi/services/scratch_settings.hpp"

#include "base/program/log.hpp"
#include "messages/printable.hpp"

#include <algorithm>
#include <array>

namespace gkm::csi {
namespace {

constexpr std::array names{
    scratch_limit_name{scratch_setting::volume, "--scratch-volume-size", "20%",
                       "The most that one volume may ask for", &scratch_limits::volume},
    scratch_limit_name{scratch_setting::pod, "--scratch-pod-size", "30%",
                       "The most that the volumes of one pod may write", &scratch_limits::pod},
    scratch_limit_name{scratch_setting::ns, "--scratch-namespace-size", "30%",
                       "The most that pods of one namespace may write", &scratch_limits::ns},
    scratch_limit_name{scratch_setting::node, "--scratch-node-size", "60%",
                       "The most that all pods may write", &scratch_limits::node},
    scratch_limit_name{scratch_setting::reserve, "--scratch-reserve-size", "10%",
                       "Stays free: no copies are written into it", &scratch_limits::reserve}};

}  // namespace

std::span<const scratch_limit_name> scratch_limit_names() { return names; }

scratch_limits standard_scratch_limits() {
  scratch_limits all;
  for (const auto& n : names) all.*n.value = parse_share(n.standard);
  return all;
}

scratch_settings::scratch_settings(const std::filesystem::path& dir,
                                   const std::vector<std::string>& keys,
                                   const scratch_limits& given,
                                   std::function<void(const scratch_limits&)> tell)
    : given_(given), tell_(std::move(tell)), now_(given) {
  tell_(now_);
  if (dir.empty()) return;
  for (const auto& n : names) {
    if (std::find(keys.begin(), keys.end(), n.key) == keys.end()) continue;
    auto followed = base::setting_file::follow(
        dir, n.key, [this, &n](const result<std::string>& text) { take(n, text); });
    if (followed)
      followed_.push_back(std::move(*followed));
    else
      base::log::warn("Cannot follow a setting",
                      {{"key", n.key}, {"error", followed.error().message}});
  }
}

void scratch_settings::take(const scratch_limit_name& which, const result<std::string>& text) {
  if (!text && text.error().code != errc::not_found)
    return base::log::warn("A setting cannot be read, its last value stays",
                           {{"key", which.key}, {"error", text.error().message}});
  auto wanted = text ? parse_share(*text) : given_.*which.value;
  if (!wanted && text)
    return base::log::warn("A setting is not understood, its last value stays",
                           {{"key", which.key}, {"value", printable(*text)}});
  std::lock_guard lock(mutex_);
  if (now_.*which.value == wanted) return;
  now_.*which.value = wanted;
  tell_(now_);
  base::log::info("A limit is set",
                  {{"key", which.key}, {"value", wanted ? wanted->str() : "none"}});
}

}  // namespace gkm::csi
