#include "actors/operator/config_values.hpp"

#include "base/text.hpp"
#include "messages/image_ref.hpp"
#include "messages/printable.hpp"

namespace gkm::op {
namespace {

class reader {
public:
  reader(const config_data& data, std::vector<bad_setting>& problems)
      : data_(data), problems_(problems) {}

  /// A name in a registry, as the container runtime is to be told it.
  std::string image(const char* key) {
    const auto* value = find(key);
    if (!value) return {};
    auto parsed = image_ref::parse(*value);
    if (!parsed)
      refuse(key, *value, parsed.error().message);
    else if (parsed->is_layout())
      refuse(key, *value, "it is a directory, which no node can pull");
    else if (value->find("://") != value->npos)
      refuse(key, *value, "it has a scheme, which no container runtime takes: leave it out");
    else
      return *value;
    return {};
  }

  /// The words that NO_GPU knows.
  std::optional<bool> flag(const char* key) {
    const auto* value = find(key);
    if (!value) return std::nullopt;
    auto word = base::to_lower(*value);
    if (word == "true" || word == "1" || word == "yes") return true;
    if (word == "false" || word == "0" || word == "no") return false;
    refuse(key, *value, "it is neither 'true' nor 'false'");
    return std::nullopt;
  }

private:
  const std::string* find(const char* key) const {
    auto at = data_.find(key);
    return at == data_.end() || at->second.empty() ? nullptr : &at->second;
  }
  void refuse(const char* key, const std::string& value, std::string why) {
    problems_.push_back({key, printable(value), std::move(why)});
  }

  const config_data& data_;
  std::vector<bad_setting>& problems_;
};

}  // namespace

config_values read_config(const config_data& data) {
  config_values v;
  reader in(data, v.problems);
  v.agent_image = in.image("gkm.agent.image");
  v.csi_image = in.image("gkm.csi.image");
  v.no_gpu = in.flag("gkm.nogpu");
  v.kyverno = in.flag("gkm.kyverno.enabled");
  return v;
}

}  // namespace gkm::op
