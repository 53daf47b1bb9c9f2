#include "oci/registry/credentials.hpp"

#include "base/base64.hpp"
#include "oci/registry/credential_helper.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

namespace gkm::oci {
namespace {

namespace fs = std::filesystem;

image_ref ref(const std::string& text) { return *image_ref::parse(text); }

std::string auth(const std::string& user_and_password) {
  return R"({"auth":")" + base::to_base64(user_and_password) + "\"}";
}

std::string user_for(const credential_store& store, const std::string& image) {
  auto got = store.find(ref(image));
  if (!got) return "error: " + got.error().message;
  return *got ? (*got)->username : "nobody";
}

/// A directory of its own, and environment variables that are put back at the end.
class credentials : public testing::Test {
protected:
  credentials() {
    std::string name = testing::TempDir() + "gkm-credentials-XXXXXX";
    dir_ = mkdtemp(name.data());
    for (const char* variable :
         {"DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "HOME", "PATH"}) {
      const char* value = std::getenv(variable);
      saved_[variable] = value ? std::optional<std::string>(value) : std::nullopt;
    }
    for (const char* variable : {"DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"})
      unsetenv(variable);
    setenv("HOME", dir_.c_str(), 1);
  }
  ~credentials() override {
    for (const auto& [variable, value] : saved_)
      value ? setenv(variable.c_str(), value->c_str(), 1) : unsetenv(variable.c_str());
    std::error_code ignored;
    fs::remove_all(dir_, ignored);
  }

  void write(const fs::path& file, const std::string& text) {
    fs::create_directories((dir_ / file).parent_path());
    std::ofstream(dir_ / file) << text;
  }
  // A helper is a shell script here; the code that runs it uses no shell.
  void write_helper(const std::string& name, const std::string& body) {
    auto file = "bin/docker-credential-" + name;
    write(file, "#!/bin/sh\n" + body + "\n");
    chmod((dir_ / file).c_str(), 0755);
    setenv("PATH", ((dir_ / "bin").string() + ":" + saved_["PATH"].value_or("/bin")).c_str(), 1);
  }

  fs::path dir_;
  std::map<std::string, std::optional<std::string>> saved_;
};

TEST_F(credentials, longest_path_wins) {
  auto store = credential_store::parse(R"({"auths":{"quay.io":)" + auth("host:p") +
                                       R"(,"quay.io/gkm":)" + auth("org:p") +
                                       R"(,"quay.io/gkm/x":)" + auth("repo:p:with:colons") + "}}");
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(user_for(*store, "quay.io/gkm/x:t"), "repo");
  EXPECT_EQ((*store->find(ref("quay.io/gkm/x")))->password, "p:with:colons");
  EXPECT_EQ(user_for(*store, "quay.io/gkm/xy"), "org");
  EXPECT_EQ(user_for(*store, "quay.io/gkm/x/y"), "repo");
  EXPECT_EQ(user_for(*store, "quay.io/gkmx/x"), "host");
  EXPECT_EQ(user_for(*store, "quay.io:443/gkm/x"), "nobody");
  EXPECT_EQ(user_for(*store, "ghcr.io/gkm/x"), "nobody");
  EXPECT_EQ(user_for(*store, "oci:quay.io/gkm/x"), "nobody");
}

TEST_F(credentials, know_every_name_of_docker_hub_and_every_form_of_key) {
  for (std::string key : {"https://index.docker.io/v1/", "docker.io", "index.docker.io",
                          "registry-1.docker.io", "https://registry-1.docker.io/v2/"}) {
    auto store = credential_store::parse(R"({"auths":{")" + key + "\":" + auth("u:p") + "}}");
    EXPECT_EQ(user_for(*store, "ubuntu"), "u") << key;
    EXPECT_EQ(user_for(*store, "quay.io/x"), "nobody") << key;
  }
  for (std::string key :
       {"https://quay.io", "http://quay.io/", "quay.io/v1/", "quay.io/v2", "QUAY.io"}) {
    auto store = credential_store::parse(R"({"auths":{")" + key + "\":" + auth("u:p") + "}}");
    EXPECT_EQ(user_for(*store, "quay.io/x"), "u") << key;
  }
}

TEST_F(credentials, read_every_kind_of_entry) {
  auto store = credential_store::parse(
      R"({"auths":{"a.io":{"username":"u","password":"p"},"b.io":{"identitytoken":"t"},"c.io":{},
          "d.io":null,"e.io":{"auth":")" +
      base::to_base64(std::string("u:p\0\0", 5)) +
      R"("}},"credsStore":"","HttpHeaders":{"x":"y"}})");
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(**store->find(ref("a.io/x")), (credential{"u", "p", ""}));
  EXPECT_EQ(**store->find(ref("b.io/x")), (credential{"", "", "t"}));
  EXPECT_EQ(user_for(*store, "c.io/x"), "nobody");
  EXPECT_EQ(user_for(*store, "d.io/x"), "nobody");
  EXPECT_EQ((*store->find(ref("e.io/x")))->password, "p");
  auto legacy = credential_store::parse(R"({"https://quay.io":)" + auth("old:p") + "}");
  EXPECT_EQ(user_for(*legacy, "quay.io/x"), "old");
  EXPECT_EQ(user_for(*credential_store::parse("{}"), "quay.io/x"), "nobody");
}

TEST_F(credentials, name_the_broken_field_and_never_the_password) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "JSON"},
      {"[]", "object"},
      {R"({"auths":[]})", "auths"},
      {R"({"auths":{"q.io":"hunter2"}})", "auths.q.io"},
      {R"({"auths":{"q.io":{"auth":"hunter2!"}}})", "auths.q.io.auth"},
      {R"({"auths":{"q.io":{"auth":")" + base::to_base64("hunter2") + R"("}}})", "auths.q.io.auth"},
      {R"({"auths":{"q.io":{"password":["hunter2"]}}})", "auths.q.io.password"},
      {R"({"credHelpers":[]})", "credHelpers"},
      {R"({"credHelpers":{"q.io":"../../bin/sh"}})", "credHelpers.q.io"},
      {R"({"credHelpers":{"q.io":"a b;c"}})", "credHelpers.q.io"},
      {R"({"credsStore":7})", "credsStore"},
      {R"({"credsStore":"x/y"})", "credsStore"},
  };
  for (const auto& [json, field] : cases) {
    auto store = credential_store::parse(json);
    auto got = store ? store->find(ref("q.io/x")) : fail(store.error());
    ASSERT_FALSE(got) << json;
    EXPECT_EQ(got.error().code, errc::invalid_argument);
    EXPECT_NE(got.error().message.find(field), std::string::npos) << got.error().message;
    EXPECT_EQ(got.error().message.find("hunter2"), std::string::npos) << got.error().message;
  }
}

TEST_F(credentials, a_broken_entry_is_an_error_for_its_own_hosts_alone) {
  auto store = credential_store::parse(R"({"auths":{"q.io":{"auth":"!"},"quay.io":)" +
                                       auth("user:p") + R"(},"credHelpers":{"g.io":7}})");
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(user_for(*store, "quay.io/x"), "user");
  EXPECT_EQ(user_for(*store, "h.io/x"), "nobody");
  EXPECT_FALSE(store->find(ref("q.io/x")));
  EXPECT_FALSE(store->find(ref("g.io/x")));
}

TEST_F(credentials, base64_may_be_wrapped) {
  auto plain = "user:" + std::string(120, 'k');
  auto encoded = base::to_base64(plain);
  for (std::string_view end : {"\\n", "\\r\\n"}) {
    auto wrapped = encoded.substr(0, 76) + std::string(end) + encoded.substr(76) + std::string(end);
    auto store = credential_store::parse(R"({"auths":{"q.io":{"auth":")" + wrapped + R"("}}})");
    ASSERT_TRUE(store) << store.error().message;
    auto got = store->find(ref("q.io/x"));
    ASSERT_TRUE(got && *got);
    EXPECT_EQ((*got)->password, std::string(120, 'k'));
  }
}

TEST_F(credentials, a_helper_that_is_not_installed_knows_nothing) {
  auto store = credential_store::parse(
      R"({"credsStore":"gone","credHelpers":{"g.io":"gone-too"},"auths":{"g.io":)" + auth("u:p") +
      "}}");
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(user_for(*store, "quay.io/x"), "nobody");
  EXPECT_EQ(user_for(*store, "g.io/x"), "u");
  EXPECT_EQ(store->helper_for(ref("quay.io/x")), "docker-credential-gone");
  EXPECT_EQ(store->helper_for(ref("g.io/x")), "docker-credential-gone-too");
}

TEST_F(credentials, a_file_without_a_byte_says_nothing) {
  for (const auto* text : {"", " \n"}) {
    write(".docker/config.json", text);
    auto store = credential_store::from_environment();
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_EQ(user_for(*store, "quay.io/x"), "nobody");
  }
}

TEST_F(credentials, come_from_the_first_file_that_exists) {
  auto none = credential_store::from_environment();
  ASSERT_TRUE(none);
  EXPECT_EQ(user_for(*none, "quay.io/x"), "nobody");
  EXPECT_EQ(none->origin(), (dir_ / ".docker/config.json").string());
  const std::tuple<std::string, std::string, std::string> files[] = {
      {".docker/config.json", "HOME", ""},
      {"run/containers/auth.json", "XDG_RUNTIME_DIR", "run"},
      {"auth-file.json", "REGISTRY_AUTH_FILE", "auth-file.json"},
      {"docker/config.json", "DOCKER_CONFIG", "docker"}};
  for (const auto& [file, variable, value] : files) {
    if (!value.empty()) setenv(variable.c_str(), (dir_ / value).c_str(), 1);
    write(file, R"({"auths":{"quay.io":)" + auth(variable + ":p") + "}}");
    auto store = credential_store::from_environment();
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_EQ(user_for(*store, "quay.io/x"), variable);
    EXPECT_EQ(store->origin(), (dir_ / file).string());
  }
  write("docker/config.json", "broken");
  auto broken = credential_store::from_environment();
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("docker/config.json"), std::string::npos);
  write("docker/config.json", std::string((1 << 20) + 1, ' '));
  EXPECT_EQ(credential_store::from_environment().error().code, errc::limit_exceeded);
  EXPECT_EQ(credential_store::from_file(dir_ / "nowhere").error().code, errc::not_found);
  EXPECT_FALSE(credential_store::from_file(dir_));
}

TEST_F(credentials, come_from_helpers) {
  write_helper("one", R"(read host; echo "{\"Username\":\"$1-$host\",\"Secret\":\"s\"}")");
  write_helper("token", R"(cat >/dev/null; echo '{"Username":"<token>","Secret":"refresh"}')");
  write_helper("empty", "echo 'credentials not found in native keychain'; exit 1");
  auto store = credential_store::parse(
      R"({"credHelpers":{"quay.io":"one","ghcr.io":"token","a.io":"empty","b.io":"empty"},
          "credsStore":"one","auths":{"b.io":)" +
      auth("plain:p") + "}}");
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(user_for(*store, "quay.io/x"), "get-quay.io");
  EXPECT_EQ((*store->find(ref("ghcr.io/x")))->identity_token, "refresh");
  EXPECT_EQ(user_for(*store, "b.io/x"), "plain");
  EXPECT_EQ(user_for(*store, "a.io/x"), "get-a.io");
  EXPECT_EQ(user_for(*store, "ubuntu"), "get-https://index.docker.io/v1/");
}

TEST_F(credentials, errors_of_helpers_are_readable_and_keep_secrets) {
  write_helper("fails", "echo hunter2; echo hunter2 >&2; exit 3");
  write_helper("rubbish", "echo hunter2");
  write_helper("floods", "exec yes hunter2");
  write_helper("deaf", "exec <&-; echo '{\"Username\":\"u\",\"Secret\":\"s\"}'");
  for (std::string name : {"fails", "rubbish", "floods", "missing", "UPPER", "", "a/b"}) {
    auto got = ask_credential_helper(name, "quay.io");
    ASSERT_FALSE(got) << name;
    EXPECT_NE(got.error().message.find(name), std::string::npos) << got.error().message;
    EXPECT_EQ(got.error().message.find("hunter2"), std::string::npos) << got.error().message;
  }
  auto deaf = ask_credential_helper("deaf", "quay.io");
  ASSERT_TRUE(deaf && *deaf);
  EXPECT_EQ((*deaf)->username, "u");
}

}  // namespace
}  // namespace gkm::oci
