// The test server itself: is it the API server that the other tests take it for?
#include "tests/support/kube/cluster_test.hpp"
#include "tests/support/kube/kube_identities.hpp"

#include <gmock/gmock.h>

namespace gkm::support {
namespace {

using ::testing::HasSubstr;

class test_server : public cluster_test {};

TEST_F(test_server, is_ready_and_has_the_version_that_we_build) {
  EXPECT_EQ(admin().run({"get", "--raw=/readyz"}), "ok");
  EXPECT_THAT(admin().run({"get", "--raw=/version"}), HasSubstr("\"gitVersion\": \"v1."));
}

TEST_F(test_server, refuses_who_has_no_role) {
  auto user = server().as_user("nobody-in-particular");
  auto answer = user.ask({"get", "secrets", "-A"});
  EXPECT_FALSE(answer.ok());
  EXPECT_THAT(answer.err, HasSubstr("forbidden"));
}

TEST_F(test_server, names_the_node_in_a_pods_token) {
  make_namespace(server(), "token-test");
  make_node(server(), "token-node");
  auto token = pod_token(server(), {"token-node", "token-account", "token-test"});
  auto who = server().as("token-account", token).run({"auth", "whoami", "-o", "json"});
  EXPECT_THAT(who, HasSubstr("system:serviceaccount:token-test:token-account"));
  EXPECT_THAT(who, HasSubstr("authentication.kubernetes.io/node-name"));
  EXPECT_THAT(who, HasSubstr("token-node"));
}

TEST_F(test_server, keeps_its_objects_over_a_crash) {
  kube_server own(*find_kube_programs());
  make_namespace(own, "kept");
  own.stop();
  EXPECT_FALSE(own.admin().ask({"get", "--raw=/readyz"}).ok());
  own.start();
  EXPECT_THAT(own.admin().run({"get", "namespaces"}), HasSubstr("kept"));
}

}  // namespace
}  // namespace gkm::support
