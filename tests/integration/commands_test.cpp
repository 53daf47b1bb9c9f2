// What every command says about itself, and the small ones.
#include "messages/json/json.hpp"
#include "tests/support/build_tree.hpp"
#include "tests/support/registry/cache_image.hpp"
#include "tests/support/workbench.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace gkm::support {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class commands : public testing::Test {
protected:
  workbench bench_;
};

TEST_F(commands, tell_how_they_are_used) {
  for (const auto* command : {"up", "status", "pull", "inspect", "gpus"}) {
    auto said = bench_.gkm({command, "--help"});
    EXPECT_EQ(said.code, 0) << command;
    EXPECT_THAT(said.out, HasSubstr("Example")) << command;
    EXPECT_EQ(said.err, "") << command;
  }
  EXPECT_EQ(bench_.gkm({"--help"}).code, 0);
  auto version = bench_.gkm({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_THAT(version.out, testing::StartsWith("gkm "));
}

TEST_F(commands, used_wrongly_end_with_2) {
  using words = std::vector<std::string>;
  for (const auto& arguments :
       {words{}, words{"fly"}, words{"pull"}, words{"up"}, words{"status", "--no-such-flag"},
        words{"up", ".", "-o", "json"}, words{"status", "--cluster", "-w", "-o", "json"},
        words{"gpus", "-o", "xml"}, words{"pull", "UPPER/case:x", "/nowhere/to"},
        words{"pull", "a b"}, words{"inspect"}, words{"gpus", "--log-level", "loud"},
        words{"gpus", "--log-level", "trace"}, words{"wait", "c", "--timeout", "soon"}}) {
    auto said = bench_.gkm(arguments);
    EXPECT_EQ(said.code, 2) << testing::PrintToString(arguments) << said.err;
    EXPECT_NE(said.err, "") << testing::PrintToString(arguments);
  }
}

TEST_F(commands, understand_words_that_other_tools_have) {
  EXPECT_THAT(bench_.gkm({"help"}).out, HasSubstr("Exit codes"));
  EXPECT_EQ(bench_.gkm({"help", "mount"}).out, bench_.gkm({"mount", "--help"}).out);
  EXPECT_EQ(bench_.gkm({"version"}).out, bench_.gkm({"--version"}).out);
  const std::map<std::string, std::string> meant{{"stauts", "status"},
                                                 {"list", "status"},
                                                 {"umount", "unmount"},
                                                 {"veriy-store", "verify-store"}};
  for (const auto& [word, command] : meant) {
    auto said = bench_.gkm({word});
    EXPECT_EQ(said.code, 2) << word;
    EXPECT_THAT(said.err, HasSubstr("did you mean '" + command + "'?")) << word;
  }
  EXPECT_THAT(bench_.gkm({"xyzzy"}).err, HasSubstr("there are: up, status"));
}

TEST_F(commands, check_the_log_level_of_the_environment) {
  bench_.environment()["GKM_LOG"] = "nonsense";
  auto said = bench_.gkm({"gpus"});
  EXPECT_EQ(said.code, 2);
  EXPECT_THAT(said.err, HasSubstr("GKM_LOG"));
  bench_.environment()["GKM_LOG"] = "debug";
  EXPECT_THAT(bench_.gkm({"gpus"}).err, HasSubstr("debug"));
}

TEST_F(commands, complete_words_values_and_names_of_caches) {
  auto layout = bench_.root() / "layout";
  write_layout(layout, "v1", cache_image().layer(kernel_layer().finished()));
  bench_.want("some-cache", "oci:" + layout.string() + ":v1");
  ASSERT_EQ(bench_.gkm({"up", bench_.caches(), "--once"}).code, 0);
  const std::map<std::string, std::string> offered{
      {"gkm st", "status"},
      {"gkm -o j", "json"},
      {"gkm --log-level de", "debug"},
      {"gkm completion f", "fish"},
      {"gkm mount --rea", "--read-only"},
      {"gkm mount --wait 5m --state-dir " + bench_.state().string() + " def", "default/some-cache"},
      {"gkm --state-dir " + bench_.state().string() + " wait d", "default/some-cache"}};
  for (const auto& [typed, word] : offered) {
    auto script = "source <(gkm completion bash); COMP_WORDS=(" + typed +
                  "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _gkm; echo \"${COMPREPLY[*]}\"";
    auto environment = bench_.environment();
    environment["PATH"] =
        fs::path(program("gkm")).parent_path().string() + ":/usr/local/bin:/usr/bin:/bin";
    child_process child({{"/bin/bash", "-c", script}, environment, bench_.output()});
    EXPECT_EQ(child.wait(), 0) << child.err();
    EXPECT_EQ(child.out(), word + "\n") << typed;
  }
}

TEST_F(commands, say_when_what_they_print_is_lost) {
  child_process child({{"/bin/sh", "-c", "exec \"$0\" \"$@\" > /dev/full", program("gkm"), "gpus"},
                       bench_.environment(),
                       bench_.output()});
  EXPECT_EQ(child.wait(), 1);
  EXPECT_THAT(child.err(), HasSubstr("Cannot write to standard output"));
}

/// What --help promises, each by the ways that lead there.
TEST_F(commands, end_with_the_codes_that_their_help_lists) {
  auto layout = bench_.root() / "layout";
  cache_image image;
  image.layer(kernel_layer().finished());
  write_layout(layout, "v1", image);
  const auto good = "oci:" + layout.string() + ":v1", absent = "oci:" + layout.string() + ":nope";
  const auto gpus = bench_.root() / "gpus.json", bad = bench_.root() / "bad.json";
  write_whole(gpus, R"({"gpus":[{"id":0,"backend":"cuda","arch":"90"}]})");
  write_whole(bad, "{");
  const auto dir = [&](const std::string& name) { return (bench_.root() / name).string(); };
  const auto up = [&](const std::string& what) {
    fs::remove_all(bench_.caches());
    fs::create_directory(bench_.caches());
    bench_.want("c", what);
    return bench_.caches().string();
  };
  struct row {
    int code;
    std::vector<std::string> words;
    std::string wanted;  ///< by the one file of the directory of caches
  };
  const std::vector<row> rows{
      {0, {"pull", good, dir("a")}, {}},
      {0, {"up", "CACHES", "--once"}, good},
      {0, {"status", "c"}, {}},
      {0, {"verify-store"}, {}},
      {2, {"pull", good, dir("a")}, {}},
      {2, {"gpus", "--gpu-inventory", bad}, {}},
      {3, {"pull", absent, dir("b")}, {}},
      {3, {"up", "CACHES", "--once"}, absent},
      {3, {"status", "c"}, {}},
      {3, {"up", dir("nowhere")}, {}},
      {5, {"pull", "127.0.0.1:1/x:v1", dir("c")}, {}},
      {5, {"up", "CACHES", "--once"}, "127.0.0.1:1/x:v1"},
      {5, {"status", "c"}, {}},
      {5, {"wait", "c", "--timeout", "0s"}, {}},
      {7, {"pull", good, dir("d"), "--gpu-inventory", gpus}, {}},
      {7, {"up", "CACHES", "--once", "--gpu-inventory", gpus}, good},
      {7, {"status", "c"}, {}},
      {7, {"wait", "c"}, {}},
      {8, {"up", "CACHES", "--once", "--store-reserve", "100%"}, good},
  };
  for (auto r : rows) {
    if (!r.wanted.empty()) r.words[1] = up(r.wanted);
    auto said = bench_.gkm(r.words);
    EXPECT_EQ(said.code, r.code) << testing::PrintToString(r.words) << said.out << said.err;
  }
}

TEST_F(commands, pull_a_layout_whatever_may_be_read_of_the_home_directory) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs files of another user";
  auto layout = bench_.root() / "layout";
  write_layout(layout, "v1", cache_image().layer(kernel_layer().finished()));
  const auto home = bench_.root() / "home";
  fs::create_directory(home / ".docker");
  write_whole(home / ".docker" / "config.json", "{}");
  fs::permissions(home / ".docker" / "config.json", fs::perms::none);
  bench_.be_nobody();
  auto said = bench_.gkm({"pull", "oci:" + layout.string() + ":v1", bench_.root() / "file"});
  EXPECT_EQ(said.code, 0) << said.err;
  fs::permissions(home / ".docker", fs::perms::none);
  said = bench_.gkm({"pull", "oci:" + layout.string() + ":v1", bench_.root() / "folder"});
  EXPECT_EQ(said.code, 0) << said.err;
}

TEST_F(commands, remove_what_a_killed_pull_left) {
  auto layout = bench_.root() / "layout";
  write_layout(layout, "v1", cache_image().layer(kernel_layer().finished()));
  const auto left = bench_.root() / ".to.gkm-0123456789abcdef", other = bench_.root() / ".x.gkm-1";
  fs::create_directories(left / "half");
  fs::create_directories(other);
  EXPECT_EQ(bench_.gkm({"pull", "oci:" + layout.string() + ":v1", bench_.root() / "to"}).code, 0);
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(other));
}

TEST_F(commands, up_says_what_it_watches) {
  auto once = bench_.gkm({"up", bench_.caches(), "--once"});
  EXPECT_EQ(once.code, 0);
  EXPECT_THAT(once.out, HasSubstr("no cache in it"));
  fs::create_directory(bench_.caches() / "more");
  write_whole(bench_.caches() / "more" / "a.yaml", "x: y\n");
  EXPECT_THAT(bench_.gkm({"up", bench_.caches(), "--once"}).err, HasSubstr("is a folder"));
  auto up = bench_.up();
  eventually("it says so", [&] { return up.out().find("Ctrl-C ends") != std::string::npos; });
  up.send_signal(SIGINT);
  EXPECT_EQ(up.wait(), 0);
}

TEST_F(commands, name_what_is_missing) {
  auto status = bench_.gkm({"status"});
  EXPECT_EQ(status.code, 3);
  EXPECT_THAT(status.err, HasSubstr("'" + bench_.state().string() + "'"));
  auto up = bench_.gkm({"up", bench_.root() / "nowhere"});
  EXPECT_EQ(up.code, 3);
  EXPECT_THAT(up.err, HasSubstr("nowhere'"));
  auto gpus = bench_.gkm({"gpus", "--gpu-inventory", bench_.root() / "none.json"});
  EXPECT_EQ(gpus.code, 3);
  EXPECT_THAT(gpus.err, HasSubstr("none.json'"));
  auto auth = bench_.gkm({"pull", "127.0.0.1:1/x", "--auth-file", bench_.root() / "none.json"});
  EXPECT_EQ(auth.code, 3) << auth.err;
  EXPECT_THAT(auth.err, HasSubstr("none.json'"));
}

TEST_F(commands, lead_from_a_machine_without_state_to_the_cluster_in_reach) {
  EXPECT_THAT(bench_.gkm({"status"}).err, testing::Not(HasSubstr("--cluster")));
  auto file = bench_.root() / "kubeconfig";
  write_whole(file,
              "{current-context: a, contexts: [{name: a, context: {cluster: a}}], "
              "clusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}]}");
  bench_.environment()["KUBECONFIG"] = file;
  EXPECT_THAT(bench_.gkm({"status"}).err, HasSubstr("context 'a'"));
  EXPECT_THAT(bench_.gkm({"status"}).err, HasSubstr("'gkm status --cluster'"));
  for (const auto* flag : {"--cluster", "-A", "-nteam", "--context=a"})
    EXPECT_EQ(bench_.gkm({"status", flag}).code, 5) << flag;
}

TEST_F(commands, refuse_an_inventory_that_is_none) {
  auto file = bench_.root() / "gpus.json";
  for (const auto* text : {"", "{", "[]", R"({"gpus":[{"id":0}]})", R"({"gpus":7})"}) {
    write_whole(file, text);
    auto said = bench_.gkm({"gpus", "--gpu-inventory", file});
    EXPECT_NE(said.code, 0) << text;
    EXPECT_THAT(said.err, HasSubstr("'" + file.string() + "'")) << text;
  }
}

TEST_F(commands, show_the_gpus) {
  auto said = bench_.gkm({"gpus", "-o", "json"});
  ASSERT_EQ(said.code, 0) << said.err;
  auto document = json::parse(said.out);
  ASSERT_TRUE(document) << said.out;
  ASSERT_TRUE((*document)["gpus"].IsArray());
  EXPECT_EQ((*document)["gpus"].Size(), 2U);
  EXPECT_THAT(said.out, HasSubstr("gfx90a"));
  // What it prints is an inventory itself.
  auto file = bench_.root() / "gpus.json";
  write_whole(file, said.out);
  auto again = bench_.gkm({"gpus", "-o", "json", "--gpu-inventory", file});
  EXPECT_EQ(again.out, said.out);
  EXPECT_THAT(bench_.gkm({"gpus", "-o", "wide"}).out, HasSubstr("gfx90a"));
}

TEST_F(commands, show_status_in_every_form) {
  auto layout = bench_.root() / "layout";
  cache_image image;
  image.layer(kernel_layer().finished());
  write_layout(layout, "v1", image);
  bench_.want("good", "oci:" + layout.string() + ":v1");
  bench_.want("absent", "oci:" + layout.string() + ":nope");
  auto up = bench_.up({"--once"});
  EXPECT_EQ(up.wait(), 3);
  auto hex = image.digest().substr(7);
  auto table = bench_.gkm({"status"});
  EXPECT_EQ(table.code, 0);
  EXPECT_THAT(table.out, HasSubstr("Extracted"));
  EXPECT_THAT(table.out, HasSubstr("2/2"));
  EXPECT_THAT(table.out, HasSubstr("nope"));
  EXPECT_THAT(table.out, HasSubstr("No 'gkm up' is running"));
  EXPECT_THAT(bench_.gkm({"status", "-o", "wide"}).out, HasSubstr("oci:" + layout.string()));
  auto yaml = bench_.gkm({"status", "-o", "yaml"}).out;
  EXPECT_THAT(yaml, HasSubstr(hex));
  EXPECT_EQ(bench_.gkm({"status", "absent"}).code, 3) << "it has failed: no such tag";
  EXPECT_THAT(bench_.gkm({"status", "-n", "default"}).out, HasSubstr("good"));
  EXPECT_THAT(bench_.gkm({"status", "-n", "other"}).out, HasSubstr("No caches"));
  EXPECT_EQ(bench_.gkm({"wait", "good", "--timeout", "0s"}).code, 0);
  auto waited = bench_.gkm({"wait", "absent", "--timeout", "0s"});
  EXPECT_EQ(waited.code, 5);
  EXPECT_THAT(waited.err, HasSubstr("nope"));
  auto mistyped = bench_.gkm({"status", "godo"});
  EXPECT_EQ(mistyped.code, 3);
  EXPECT_THAT(mistyped.err, HasSubstr("did you mean 'good'?"));
  auto one = bench_.gkm({"status", "default/good", "-o", "json"});
  EXPECT_THAT(one.out, HasSubstr(hex));
  EXPECT_THAT(one.out, testing::Not(HasSubstr("absent")));
  EXPECT_EQ(bench_.gkm({"status", "other"}).code, 3);
  EXPECT_EQ(bench_.status("absent").code, errc::not_found);
}

class fixtures : public commands {
protected:
  void SetUp() override {
    const char* named = std::getenv("GKM_FIXTURES");
    dir_ = named ? named : source_tree() / ".." / "shared" / "fixtures";
    if (!std::filesystem::is_directory(dir_)) GTEST_SKIP() << "fixtures absent: " << dir_;
  }
  std::filesystem::path dir_;
};

TEST_F(fixtures, are_for_the_gpus_that_their_readme_lists) {
  const std::map<std::string, std::vector<std::string>> expected{
      {"triton-cuda-sm75", {"75"}},
      {"triton-hip-gfx90a", {"gfx90a"}},
      {"vllm-unpacked-gfx90a", {"gfx90a"}},
      {"vllm-binary-cuda", {"sm_"}}};
  for (const auto& [name, words] : expected) {
    auto said = bench_.gkm({"inspect", dir_ / name, "-o", "json"});
    EXPECT_EQ(said.code, 0) << said.err;
    auto document = json::parse(said.out);
    ASSERT_TRUE(document) << said.out;
    ASSERT_EQ((*document)["targets"].Size(), 1U) << said.out;
    for (const auto& w : words)
      EXPECT_THAT((*document)["targets"][0].GetString(), HasSubstr(w)) << name;
    EXPECT_GT((*document)["kernels"].GetUint64(), 0U);
  }
}

}  // namespace
}  // namespace gkm::support
