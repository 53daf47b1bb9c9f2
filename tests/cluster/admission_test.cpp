// The real API server calls the real webhooks over TLS, with the certificates that they made and
// the rights that the operator has.
#include "admission_fixture.hpp"
#include "base/base64.hpp"
#include "tests/support/kube/deployment.hpp"
#include "tests/support/registry/cache_image.hpp"

#include <gmock/gmock.h>

#include <future>

namespace gkm::support {
namespace {

using ::testing::HasSubstr;

constexpr const char* ns = "admission-test";
constexpr const char* secret_name = "gkm-webhook-certificates";

cache_image small_image(uint8_t machine) {
  return cache_image().layer(kernel_layer(machine).bytes()).claims("hip", "gfx90a");
}

class admission_test : public deployed_test {
protected:
  void SetUp() override {
    deployed_test::SetUp();
    if (IsSkipped()) return;
    if (!admin().ask({"get", "namespace", ns}).ok()) make_namespace(server(), ns);
    registry_ = std::make_unique<image_registry>(first_);
    start();
    eventually("the webhooks are in force and trusted", [&] {
      return create(cache("probe", image()) + "\n", true).ok() && pinned_by_dry_run("probe") != "";
    });
  }

  void TearDown() override {
    if (IsSkipped()) return;
    remove_webhooks(server());
    eventually("the webhooks are gone", [&] { return create(cache("probe", "b/c:d"), true).ok(); });
    admin().run({"delete", "gkmcache", "--all", "-n", ns, "--wait=false"});
    operator_.reset();
    admin().run({"delete", "secret", secret_name, "-n", "gkm-system", "--ignore-not-found"});
  }

  void start() {
    operator_ = std::make_unique<operator_part>(server(), registry_->server().authority());
    // Whom to trust is not said: the operator has to.
    apply_webhooks(server(), {operator_->url(), ""});
  }

  std::string image(const std::string& tag = "v1") const { return registry_->name(tag); }

  static std::string cache(const std::string& name, const std::string& image,
                           const std::string& annotations = "{}", const std::string& spec = "") {
    return "{apiVersion: gkm.io/v1alpha1, kind: GKMCache, metadata: {name: " + name +
           ", namespace: " + ns + ", annotations: " + annotations + "}, spec: {image: '" + image +
           "'" + spec + "}}";
  }
  static kubectl_answer create(const std::string& yaml, bool dry = false) {
    std::vector<std::string> arguments{"create", "-f"};
    if (dry) arguments.insert(arguments.begin() + 1, "--dry-run=server");
    return admin().ask_with_file(arguments, yaml);
  }
  std::string pinned_by_dry_run(const std::string& name) const {
    auto annotation = "{.metadata.annotations.gkm\\.io/resolvedDigest}";
    return admin()
        .ask_with_file(
            {"create", "--dry-run=server", "-o", std::string("jsonpath=") + annotation, "-f"},
            cache(name, image()))
        .out;
  }
  static std::string pinned(const std::string& name) {
    return admin().field({"gkmcache", name, "-n", ns},
                         "{.metadata.annotations.gkm\\.io/resolvedDigest}");
  }
  static kubectl_answer change(const std::string& name, const std::string& merge_patch) {
    return admin().ask({"patch", "gkmcache", name, "-n", ns, "--type=merge", "-p", merge_patch});
  }
  static std::string forged() { return "sha256:" + std::string(64, 'f'); }

  void break_registry() {
    registry_->interfere([](const seen_request&, const reply&) -> std::optional<reply> {
      reply down;
      down.wrong.hang_up = true;
      return down;
    });
  }

  // Made once: no two archives are alike.
  const cache_image first_ = small_image(0x3f);
  const cache_image second_ = small_image(0x4c);
  std::unique_ptr<image_registry> registry_;
  std::unique_ptr<operator_part> operator_;
};

TEST_F(admission_test, pins_what_the_tag_names_and_again_when_the_image_changes) {
  ASSERT_TRUE(create(cache("a", image())).ok());
  EXPECT_EQ(pinned("a"), first_.digest());
  registry_->add("v2", second_);
  ASSERT_TRUE(change("a", R"({"spec":{"image":")" + image("v2") + R"("}})").ok());
  EXPECT_EQ(pinned("a"), second_.digest());
}

TEST_F(admission_test, lets_nobody_forge_the_annotation) {
  ASSERT_TRUE(create(cache("f", image(), "{gkm.io/resolvedDigest: '" + forged() + "'}")).ok());
  EXPECT_EQ(pinned("f"), first_.digest()) << "overwritten";
  auto changed = change(
      "f", R"({"metadata":{"annotations":{"gkm.io/resolvedDigest":")" + forged() + R"("}}})");
  EXPECT_FALSE(changed.ok());
  EXPECT_THAT(changed.err, HasSubstr("only GKM writes the annotation gkm.io/resolvedDigest"));
  auto dropped = admin().ask({"annotate", "gkmcache", "f", "-n", ns, "gkm.io/resolvedDigest-"});
  EXPECT_TRUE(dropped.ok()) << dropped.err;
  EXPECT_EQ(pinned("f"), first_.digest()) << "put back";
}

TEST_F(admission_test, says_at_once_what_is_wrong_with_an_image) {
  auto malformed = create(cache("m", "quay.io/UPPER:x"));
  EXPECT_THAT(malformed.err, HasSubstr("spec.image 'quay.io/UPPER:x' is malformed"));
  EXPECT_THAT(malformed.err, HasSubstr("write it as registry/repository:tag"));
  EXPECT_THAT(create(cache("m", image("absent"))).err, HasSubstr("could not be resolved"));
  EXPECT_THAT(create(cache("m", "169.254.169.254/latest:meta-data")).err,
              HasSubstr("which is refused"));
}

TEST_F(admission_test, leaves_to_the_leader_what_needs_secrets) {
  registry_->add("private", first_);
  registry_->interfere([](const seen_request& r, const reply&) -> std::optional<reply> {
    if (r.header("authorization") == "Basic bWU6cmlnaHQ=") return std::nullopt;  // me:right
    reply no;
    no.status = 401;
    no.headers = {{"WWW-Authenticate", "Basic realm=\"x\""}};
    return no;
  });
  admin().run({"create", "secret", "docker-registry", "login", "-n", ns,
               "--docker-server=" + registry_->server().authority(), "--docker-username=me",
               "--docker-password=right"});
  EXPECT_THAT(create(cache("p", image("private"))).err, HasSubstr("does not let GKM read"));
  EXPECT_THAT(create(cache("p", image("private") + "@" + first_.digest())).err,
              HasSubstr("does not let GKM read"))
      << "a digest is no pass";
  // This API server shows no certificate. Nothing that it is told depends on a Secret.
  std::string forgery = "{gkm.io/resolvedDigest: '" + forged() + "'}";
  for (const char* secret : {"login", "absent"}) {
    auto secrets = std::string(", imagePullSecrets: [{name: ") + secret + "}]";
    auto made = create(cache(secret, image("private"), forgery, secrets));
    EXPECT_TRUE(made.ok()) << made.err;
    EXPECT_EQ(pinned(secret), "");
  }
  op::registry_resolver& leader = operator_->resolver();
  gkm::cache_object read;
  read.ref = {ns, "login"};
  read.image = image("private");
  read.pull_secrets = {"login"};
  std::promise<result<digest>> found;
  leader.resolve(read, {}, [&](result<digest> r) { found.set_value(std::move(r)); });
  auto resolved = found.get_future().get();
  ASSERT_TRUE(resolved) << resolved.error().message;
  EXPECT_EQ(resolved->str(), first_.digest());
  admin().run({"delete", "secret", "login", "-n", ns});
}

TEST_F(admission_test, needs_no_registry_but_for_a_new_image) {
  ASSERT_TRUE(create(cache("d", image())).ok());
  registry_->add("v1", second_);  // the tag moves, and the registry goes
  break_registry();
  auto denied = create(cache("e", image("other")));
  EXPECT_FALSE(denied.ok());
  EXPECT_THAT(denied.err, HasSubstr("could not be resolved"));
  EXPECT_THAT(denied.err, HasSubstr("apply it again once the registry answers"));
  EXPECT_TRUE(
      change("d", R"({"metadata":{"labels":{"team":"ml"},"finalizers":["gkm.io/x"]}})").ok());
  admin().run({"delete", "gkmcache", "d", "-n", ns, "--wait=false"});
  EXPECT_EQ(pinned("d"), first_.digest());
  EXPECT_TRUE(change("d", R"({"metadata":{"finalizers":null}})").ok());
  EXPECT_FALSE(admin().ask({"get", "gkmcache", "d", "-n", ns}).ok());
}

TEST_F(admission_test, changes_authority_and_certificate_under_load) {
  load callers([this](const std::string& name) { return create(cache(name, image()), true); });
  auto authorities = [] {
    auto bundle = admin().field({"mutatingwebhookconfiguration", "gkm-caches"},
                                "{.webhooks[0].clientConfig.caBundle}");
    return op::split_certificates(base::from_base64(bundle).value_or(""));
  };
  auto served = [] {
    return admin().field({"secret", secret_name, "-n", "gkm-system"}, "{.data.tls\\.crt}");
  };
  auto step = [&](int64_t seconds, const std::string& what, const std::function<bool()>& is_so) {
    callers.wait_for_more(
        6);  // that the API server has noticed the step before, nothing else tells
    operator_->let_time_pass(seconds);
    eventually(what, is_so);
  };
  const auto first_authority = authorities().front();
  auto before = served();
  step(135, "the certificate is renewed", [&] { return served() != before; });
  step(135, "there are two authorities", [&] { return authorities().size() == 2; });
  before = served();
  step(11, "a certificate of the new one is served", [&] { return served() != before; });
  step(11, "the old one is forgotten", [&] { return authorities().size() == 1; });
  EXPECT_NE(authorities().front(), first_authority);
  callers.wait_for_more(6);
}

std::string pod(const std::string& name) {
  return std::string("{apiVersion: v1, kind: Pod, metadata: {name: ") + name +
         ", namespace: " + ns +
         ", annotations: {gkm.io/inject-env: \"true\"}}, spec: {containers: ["
         "{name: c, image: i, volumeMounts: [{name: k, mountPath: /cache}]}, "
         "{name: d, image: i, env: [{name: TRITON_CACHE_DIR, value: /mine}], "
         "volumeMounts: [{name: k, mountPath: /other}]}], volumes: [{name: k, csi: {driver: "
         "csi.gkm.io, volumeAttributes: {csi.gkm.io/GKMCache: a, csi.gkm.io/namespace: " +
         ns + "}}}]}}";
}

TEST_F(admission_test, fills_in_what_a_pod_does_not_say) {
  auto made = create(pod("p"));
  ASSERT_TRUE(made.ok()) << made.err;
  auto yaml = admin().run({"get", "pod", "p", "-n", ns, "-o", "yaml"});
  EXPECT_THAT(yaml, HasSubstr("csi.gkm.io/mountPath: /cache"));
  EXPECT_THAT(yaml, HasSubstr("csi.gkm.io/mountPath: /other"));
  auto field = [](const std::string& path) { return admin().field({"pod", "p", "-n", ns}, path); };
  EXPECT_EQ(field("{.spec.containers[1].volumeMounts[0].name}"), "k-gkm-2");
  EXPECT_EQ(field("{.spec.containers[0].env[*].name}"), "TRITON_CACHE_DIR VLLM_CACHE_ROOT");
  EXPECT_EQ(field("{.spec.containers[1].env[?(@.name==\"TRITON_CACHE_DIR\")].value}"), "/mine");
  EXPECT_EQ(field("{.spec.containers[1].env[?(@.name==\"VLLM_CACHE_ROOT\")].value}"), "/other");
  admin().run({"delete", "pod", "p", "-n", ns, "--force", "--grace-period=0"});
}

TEST_F(admission_test, lets_pods_start_while_it_is_down_and_comes_back) {
  auto secret = admin().field({"secret", secret_name, "-n", "gkm-system"}, "{.data.tls\\.crt}");
  operator_.reset();
  auto made = create(pod("q"), true);
  EXPECT_TRUE(made.ok()) << made.err;
  EXPECT_THAT(create(cache("q", image()), true).err, HasSubstr("failed calling webhook"));
  start();
  EXPECT_EQ(admin().field({"secret", secret_name, "-n", "gkm-system"}, "{.data.tls\\.crt}"), secret)
      << "what was made before still serves";
  eventually("caches are admitted again", [&] { return create(cache("q", image()), true).ok(); });
}

}  // namespace
}  // namespace gkm::support
