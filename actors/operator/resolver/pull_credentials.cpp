#include "actors/operator/resolver/pull_credentials.hpp"

#include "base/base64.hpp"
#include "base/sha256.hpp"
#include "messages/printable.hpp"
#include "messages/pull_secret.hpp"

namespace gkm::op {
namespace {

std::string_view data_key(std::string_view type) {
  if (type == "kubernetes.io/dockerconfigjson") return ".dockerconfigjson";
  if (type == "kubernetes.io/dockercfg") return ".dockercfg";
  return {};
}

}  // namespace

result<void> check_secret_name(const std::string& name) {
  if (cache_ref::make("", name)) return {};
  return fail(errc::invalid_argument,
              "spec.imagePullSecrets names '" + printable(name) + "', which is no secret's name");
}

result<pull_credential> read_pull_secret(const k8s::object& secret) {
  pull_credential out;
  out.secret = secret.key().str();
  auto named = "Secret '" + out.secret + "'";
  auto key = data_key(secret.text({"type"}));
  // Copies are other namespaces' secrets, and nobody's to name.
  if (key.empty() || !secret.label(pull_secret_label).empty())
    return fail(errc::invalid_argument,
                named +
                    " is no pull secret: it must be of type 'kubernetes.io/dockerconfigjson', "
                    "as 'kubectl create secret docker-registry' makes it");
  auto text = base::from_base64(secret.text({"data", key}));
  if (!text || text->empty())
    return fail(errc::invalid_argument, named + " has nothing in '" + std::string(key) + "'");
  auto store = oci::credential_store::parse_pull_secret(*text);
  if (!store)
    return fail(errc::invalid_argument,
                named + " holds no valid credentials in '" + std::string(key) +
                    "': make it anew with 'kubectl create secret docker-registry'");
  out.store = std::move(*store);
  out.fingerprint = base::sha256::of(*text).hex;
  return out;
}

result<std::vector<pull_credential>> matching(std::vector<pull_credential> all,
                                              const image_ref& image) {
  std::vector<pull_credential> some;
  for (auto& one : all) {
    auto found = one.store.find(image);
    // Its entry for this registry is broken. Unauthorized, as the secret may be made anew.
    if (!found)
      return fail(errc::unauthorized,
                  "Secret '" + one.secret + "' holds no valid credentials for '" + image.host +
                      "': make it anew with 'kubectl create secret docker-registry'");
    if (*found) some.push_back(std::move(one));
  }
  return some;
}

}  // namespace gkm::op
