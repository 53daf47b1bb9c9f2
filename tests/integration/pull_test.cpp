// `gkm pull` from Debian's registry and from layouts, as a user runs it.
#include "real_registry.hpp"
#include "tests/support/registry/cache_image.hpp"

#include <gmock/gmock.h>

namespace gkm::support {
namespace {

using testing::HasSubstr;
using testing::Not;

class pull : public real_registry_test {
protected:
  void expect_pulled(const std::string& image, const std::filesystem::path& source,
                     std::vector<std::string> flags = {}) {
    auto to = bench_.root() / ("pulled-" + std::to_string(++pulls_));
    flags.insert(flags.begin(), {"pull", image, to});
    auto said = bench_.gkm(flags);
    EXPECT_EQ(said.code, 0) << said.err;
    EXPECT_THAT(said.out, HasSubstr(to.string()));
    EXPECT_EQ(tree_of(to), moved(tree_of(source), to));
  }
  /// A sample cache's tree as it is when it has been pulled to `to`: its own paths lead there.
  static std::map<std::string, std::string> moved(std::map<std::string, std::string> tree,
                                                  const std::string& to) {
    const std::string old = "\"/workspace/.triton/cache/";
    size_t paths = 0;
    for (auto& [path, content] : tree)
      for (size_t at = 0; (at = content.find(old, at)) != content.npos; ++paths)
        content.replace(at, old.size(), "\"" + to + "/");
    EXPECT_GT(paths, 0U);
    return tree;
  }
  /// A failed pull into a fresh folder, of which nothing is left.
  outcome expect_failed(int code, const std::string& image, std::vector<std::string> flags = {}) {
    auto parent = bench_.root() / "fails";
    std::filesystem::create_directory(parent);
    flags.insert(flags.begin(), {"pull", image, parent / "to"});
    auto said = bench_.gkm(flags);
    EXPECT_EQ(said.code, code) << said.out << said.err;
    EXPECT_EQ(tree_of(parent).size(), 0U);
    return said;
  }
  std::string htpasswd() {
    auto file = bench_.root() / "htpasswd";
    write_whole(file, run_program({"htpasswd", "-Bbn", "ann", "secret"}, bench_.output()));
    return file;
  }
  std::string auth_file(const std::string& authority, const std::string& encoded) {
    auto file = bench_.root() / "auth.json";
    write_whole(file, R"({"auths":{")" + authority + R"(":{"auth":")" + encoded + R"("}}})");
    return file;
  }

  int pulls_ = 0;
};

TEST_F(pull, by_tag_and_by_digest_from_a_plain_registry_and_a_layout) {
  auto cache = sample("gfx90a");
  pack(cache, "v1");
  registry_server registry(bench_.root() / "registry");
  auto name = push("v1", registry.authority());
  expect_pulled(name, cache);
  expect_pulled("oci:" + layout() + ":v1", cache);
  auto told = run_program(
      {"skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://" + name},
      bench_.output());
  auto digest = told.substr(0, told.find('\n'));
  expect_pulled(registry.authority() + "/team/cache@" + digest, cache);
  auto inspected = bench_.gkm({"inspect", name, "-o", "json"});
  EXPECT_EQ(inspected.code, 0) << inspected.err;
  EXPECT_THAT(inspected.out, HasSubstr(digest));
  EXPECT_THAT(inspected.out, HasSubstr("gfx90a"));
}

TEST_F(pull, makes_a_cache_that_is_at_home_where_it_lies) {
  auto cache = sample("gfx90a");
  pack(cache, "v1");
  auto to = bench_.root() / "to";
  EXPECT_EQ(bench_.gkm({"pull", "oci:" + layout() + ":v1", to}).code, 0);
  EXPECT_THAT(bench_.gkm({"inspect", cache}).out, HasSubstr("where the cache was made"));
  EXPECT_THAT(bench_.gkm({"inspect", to}).out, Not(HasSubstr("where the cache was made")));
}

TEST_F(pull, over_tls_with_the_ca_file_only) {
  auto cache = sample("gfx90a");
  pack(cache, "v1");
  auto certificates = bench_.root() / "certificates";
  std::filesystem::create_directory(certificates);
  test_ca ca(certificates, "a test's own authority");
  auto server = ca.issue("registry", "IP:127.0.0.1");
  registry_plan plan;
  plan.tls = server_tls{server.certificate, server.key, ""};
  registry_server registry(bench_.root() / "registry", plan);
  auto name = push("v1", registry.authority());
  expect_pulled(name, cache, {"--ca-file", ca.certificate_file()});
  auto said = expect_failed(4, name);
  EXPECT_THAT(said.err, HasSubstr(registry.authority()));
  EXPECT_THAT(said.err, HasSubstr("certificate"));
}

TEST_F(pull, with_credentials_only_where_they_are_asked_for) {
  auto cache = sample("gfx90a");
  pack(cache, "v1");
  registry_plan plan;
  plan.htpasswd = htpasswd();
  registry_server registry(bench_.root() / "registry", plan);
  auto name =
      push("v1", registry.authority(), {"--dest-tls-verify=false", "--dest-creds", "ann:secret"});
  auto right = auth_file(registry.authority(), "YW5uOnNlY3JldA==");
  expect_pulled(name, cache, {"--auth-file", right});
  auto none = expect_failed(4, name);
  EXPECT_THAT(none.err, HasSubstr(registry.authority()));
  EXPECT_THAT(none.err, HasSubstr("credentials"));
  auto wrong = auth_file(registry.authority(), "YW5uOndyb25n");
  auto denied = expect_failed(4, name, {"--auth-file", wrong});
  EXPECT_THAT(denied.err, HasSubstr(registry.authority()));
  EXPECT_NE(denied.err, none.err);
}

TEST_F(pull, of_what_is_not_there) {
  pack(sample("gfx90a"), "v1");
  registry_server registry(bench_.root() / "registry");
  push("v1", registry.authority());
  auto tag = expect_failed(3, registry.authority() + "/team/cache:nope");
  EXPECT_THAT(tag.err, HasSubstr("'" + registry.authority() + "/team/cache:nope'"));
  expect_failed(3, registry.authority() + "/nobody/cache:v1");
  expect_failed(3, "oci:" + layout() + ":nope");
  auto port = std::to_string(unused_port());
  auto down = expect_failed(5, "127.0.0.1:" + port + "/team/cache:v1");
  EXPECT_THAT(down.err, HasSubstr("127.0.0.1:" + port));
}

TEST_F(pull, of_an_index_takes_the_manifest_for_the_gpus_here) {
  cache_image cuda;
  cuda.layer(kernel_layer(0x4c).finished()).claims("hip", "gfx942");
  cache_image hip;
  hip.layer(kernel_layer(0x3f).finished()).claims("hip", "gfx90a");
  write_layout(layout(), "gfx942", cuda);
  write_layout(layout(), "gfx90a", hip);
  registry_server registry(bench_.root() / "registry");
  push("gfx942", registry.authority());
  push("gfx90a", registry.authority());
  auto index = bench_.root() / "index.json";
  write_whole(index, index_of({cuda, hip}));
  run_program(
      {"curl", "--fail", "--silent", "--show-error", "--request", "PUT", "--header",
       "Content-Type: application/vnd.oci.image.index.v1+json", "--data-binary",
       "@" + index.string(), "http://" + registry.authority() + "/v2/team/cache/manifests/both"},
      bench_.output());
  auto to = bench_.root() / "to";
  auto said = bench_.gkm({"pull", registry.authority() + "/team/cache:both", to});
  EXPECT_EQ(said.code, 0) << said.err;
  EXPECT_THAT(said.out, HasSubstr(hip.digest()));
  EXPECT_THAT(said.out, HasSubstr("gfx90a"));
}

// umoci turns each tar into a layer as it is: as docker build makes them, and with "./".
TEST_F(pull, of_two_layers_with_dotted_paths) {
  auto cache = sample("gfx90a");
  auto tar = [&](const std::string& name, const std::string& what, const std::string& from) {
    auto file = (bench_.root() / name).string();
    run_program({"tar", "--create", "--file", file, "--transform=s,^\\./,./" + what + "/,S", "-C",
                 from, "."},
                bench_.output());
    return file;
  };
  auto manifest = bench_.root() / "manifest";
  std::filesystem::create_directory(manifest);
  write_whole(manifest / "manifest.json", R"({"triton":[]})");
  auto layers = {tar("a.tar", "io.triton.cache", cache),
                 tar("b.tar", "io.triton.manifest", manifest)};
  run_program({"umoci", "init", "--layout", layout()}, bench_.output());
  auto image = layout() + ":two";
  run_program({"umoci", "new", "--image", image}, bench_.output());
  for (const auto& layer : layers)
    run_program({"umoci", "raw", "add-layer", "--image", image, layer}, bench_.output());
  expect_pulled("oci:" + image, cache);
  registry_server registry(bench_.root() / "registry");
  expect_pulled(push("two", registry.authority()), cache);
}

class pull_layout : public pull {
  void SetUp() override {}
};

TEST_F(pull_layout, in_every_packing_is_the_same) {
  auto tar = kernel_layer(0x3f, 3'000'000).finished();
  std::map<std::string, std::string> first;
  for (auto form : {packing::gzip, packing::zstd, packing::plain}) {
    auto tag = "p" + std::to_string(static_cast<int>(form));
    write_layout(layout(), tag, cache_image().layer(tar, form));
    auto to = bench_.root() / tag;
    auto said = bench_.gkm({"pull", "oci:" + layout() + ":" + tag, to});
    ASSERT_EQ(said.code, 0) << said.err;
    if (first.empty()) first = tree_of(to);
    EXPECT_EQ(tree_of(to), first);
    EXPECT_EQ(first.size(), 3U);
  }
}

TEST_F(pull_layout, leaves_what_is_there_alone) {
  write_layout(layout(), "v1", cache_image().layer(kernel_layer().finished()));
  auto to = bench_.root() / "mine";
  std::filesystem::create_directory(to);
  write_whole(to / "file", "precious");
  auto said = bench_.gkm({"pull", "oci:" + layout() + ":v1", to});
  EXPECT_EQ(said.code, 2);
  EXPECT_THAT(said.err, HasSubstr("'" + to.string() + "'"));
  EXPECT_EQ(tree_of(to), (std::map<std::string, std::string>{{"file", "- precious"}}));
}

TEST_F(pull_layout, of_an_image_without_a_cache) {
  tests::tar_builder tar;
  tar.directory("usr/").file("usr/readme", "no cache here");
  write_layout(layout(), "v1", cache_image().layer(tar.finished()));
  auto said = expect_failed(6, "oci:" + layout() + ":v1");
  EXPECT_THAT(said.err, HasSubstr("io.triton.cache"));
  EXPECT_THAT(said.err, HasSubstr("io.vllm.cache"));
}

}  // namespace
}  // namespace gkm::support
