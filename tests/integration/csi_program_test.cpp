// gkm-csi as a program: its flags, its sockets, its company, its end.
#include "csi_node.hpp"
#include "tests/support/build_tree.hpp"

namespace gkm::support {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class csi_program : public csi_node {
protected:
  outcome ran(const std::vector<std::string>& arguments) {
    std::vector<std::string> command{program("gkm-csi")};
    command.insert(command.end(), arguments.begin(), arguments.end());
    child_process child({command, bench_.environment(), bench_.output()});
    auto code = child.wait();
    return {code, child.out(), child.err()};
  }
  fs::path registration() const { return kubelet() / "plugins_registry/csi.gkm.io-reg.sock"; }
};

TEST_F(csi_program, tells_what_it_takes) {
  auto help = ran({"--help"});
  EXPECT_EQ(help.code, 0);
  for (const auto* word :
       {"--endpoint", "--kubelet-root", "--registration-dir", "--node-id", "--state-dir", "--probe",
        "KUBE_NODE_NAME", "CSI_ENDPOINT", "Examples", "Exit codes"})
    EXPECT_THAT(help.out, HasSubstr(word));
  EXPECT_EQ(ran({"--no-such-flag"}).code, 2);
  EXPECT_THAT(ran({"--version"}).out, HasSubstr("gkm-csi "));
}

TEST_F(csi_program, probe_says_whether_one_serves) {
  auto nobody = ran({"--probe", "--endpoint", endpoint()});
  EXPECT_EQ(nobody.code, 1);
  EXPECT_THAT(nobody.err, HasSubstr(endpoint().string()));
  start_csi();
  auto ready = ran({"--probe", "--endpoint", "unix://" + endpoint().string()});
  EXPECT_EQ(ready.code, 0) << ready.err;
  EXPECT_THAT(ready.out, HasSubstr("ready"));
}

TEST_F(csi_program, is_alone) {
  start_csi();
  auto second = run_csi();
  EXPECT_EQ(second.wait(), 9);
  EXPECT_THAT(second.err(), HasSubstr(std::to_string(csi_->pid())));
  EXPECT_TRUE(csi::probe(endpoint(), patience));
}

TEST_F(csi_program, takes_the_place_of_one_that_died) {
  start_csi();
  kill_csi();
  EXPECT_TRUE(fs::exists(endpoint()));
  EXPECT_TRUE(fs::exists(registration()));
  start_csi();
  EXPECT_TRUE(csi::probe(endpoint(), patience));
}

TEST_F(csi_program, registers_and_does_so_again) {
  start_csi();
  for (int i = 0; i < 3; ++i) {
    auto stub = pluginregistration::Registration::NewStub(
        grpc::CreateChannel("unix:" + registration().string(), grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(std::chrono::system_clock::now() + patience);
    pluginregistration::PluginInfo info;
    ASSERT_TRUE(stub->GetInfo(&context, {}, &info).ok());
    EXPECT_EQ(info.endpoint(), endpoint().string());
    fs::remove(registration());
    eventually("it registers again", [&] { return fs::exists(registration()); });
  }
  csi_->send_signal(SIGTERM);
  EXPECT_EQ(csi_->wait(), 0);
  EXPECT_FALSE(fs::exists(registration()));
}

TEST_F(csi_program, answers_who_waits_before_it_ends) {
  start_csi();
  std::vector<grpc::Status> answers(3);
  std::vector<std::thread> pods;
  for (size_t i = 0; i < answers.size(); ++i)
    pods.emplace_back([&, i] {
      auto v = volume(std::to_string(i), "default", "absent");
      v.attributes["csi.gkm.io/wait"] = "10m";
      if (i == 1) v.attributes["csi.gkm.io/fallback"] = "empty";
      answers[i] = publish(v);
    });
  EXPECT_TRUE(eventually("all wait", [&] {
    return read_whole(where().csi_metrics()).find("gkm_csi_waiting_volumes 3") != std::string::npos;
  }));
  auto began = std::chrono::steady_clock::now();
  csi_->send_signal(SIGTERM);
  EXPECT_EQ(csi_->wait(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  for (auto& pod : pods) pod.join();
  for (const auto& status : answers) {
    EXPECT_EQ(status.error_code(), code::NOT_FOUND)
        << "after which kubelet takes nothing for mounted";
    EXPECT_THAT(status.error_message(), HasSubstr("before gkm-csi ended"));
  }
  expect_nothing_left();
}

TEST_F(csi_program, follows_its_log_level_unless_it_was_told_one) {
  fs::create_directory(bench_.root() / "config");
  write_whole(bench_.root() / "config/gkm.csi.log.level", "error");
  auto config = (bench_.root() / "config").string();
  std::vector<std::string> command{
      program("gkm-csi"), "--endpoint", endpoint(), "--kubelet-root", kubelet(), "--state-dir",
      bench_.state(),     "--node-id",  "node-1",   "--config-dir",   config};
  csi_.emplace(child_plan{command, bench_.environment(), bench_.output()});
  ASSERT_TRUE(
      eventually("it serves", [&] { return csi::probe(endpoint(), patience).has_value(); }));
  EXPECT_EQ(csi_->err(), "");
  write_whole(bench_.root() / "config/gkm.csi.log.level", "info");
  EXPECT_TRUE(eventually("it says so", [&] {
    return csi_->err().find("Log level is set level=info") != std::string::npos;
  }));
  csi_->send_signal(SIGTERM);
  EXPECT_EQ(csi_->wait(), 0);

  command.insert(command.end(), {"--log-level", "info"});
  csi_.emplace(child_plan{command, bench_.environment(), bench_.output()});
  ASSERT_TRUE(
      eventually("it serves", [&] { return csi::probe(endpoint(), patience).has_value(); }));
  EXPECT_THAT(csi_->err(), HasSubstr("Serving"));
}

TEST_F(csi_program, logs_a_publish_that_failed_once) {
  start_csi();
  auto v = volume("a", "default", "absent");
  v.attributes["csi.gkm.io/wait"] = "0s";
  EXPECT_FALSE(publish(v).ok());
  csi_->send_signal(SIGTERM);
  EXPECT_EQ(csi_->wait(), 0);
  std::istringstream log(csi_->err());
  std::vector<std::string> failures;
  for (std::string line; std::getline(log, line);)
    if (line.find("was not ready") != std::string::npos) failures.push_back(line);
  ASSERT_EQ(failures.size(), 1U) << csi_->err();
  EXPECT_THAT(failures[0], HasSubstr("GKMCache default/absent"));
}

TEST_F(csi_program, counts_in_a_file_what_it_does) {
  auto says = [this](const std::string& line) {
    return eventually(line, [&] {
      return read_whole(where().csi_metrics()).find("\n" + line + "\n") != std::string::npos;
    });
  };
  store_cache();
  start_csi();
  EXPECT_TRUE(says("gkm_csi_volumes 0"));
  auto mounted = volume("a");
  ASSERT_TRUE(publish(mounted).ok());
  EXPECT_TRUE(says("gkm_csi_volumes 1"));
  EXPECT_TRUE(says(R"(gkm_csi_calls_total{call="publish",result="ok"} 1)"));
  EXPECT_TRUE(says(R"(gkm_csi_call_duration_seconds_count{call="publish"} 1)"));
  EXPECT_FALSE(publish(volume("b", "elsewhere")).ok());
  EXPECT_TRUE(says(R"(gkm_csi_calls_total{call="publish",result="unauthorized"} 1)"));

  auto early = volume("c", "default", "absent");
  std::thread pod([&] { EXPECT_FALSE(publish(early).ok()); });
  EXPECT_TRUE(says("gkm_csi_waiting_volumes 1"));
  EXPECT_TRUE(unpublish(early).ok());
  pod.join();
  EXPECT_TRUE(says("gkm_csi_waiting_volumes 0"));

  kill_csi();
  start_csi();
  EXPECT_TRUE(says("gkm_csi_volumes 1"));
  EXPECT_TRUE(unpublish(mounted).ok());
  EXPECT_TRUE(says("gkm_csi_volumes 0"));
  EXPECT_TRUE(says(R"(gkm_csi_calls_total{call="unpublish",result="ok"} 1)"));
}

TEST_F(csi_program, says_what_is_missing) {
  fs::remove(kubelet() / "plugins_registry");
  auto unregistered = run_csi();
  EXPECT_EQ(unregistered.wait(), 1);
  EXPECT_THAT(unregistered.err(), HasSubstr("plugins_registry"));
  child_process nobody({{program("gkm-csi"), "--endpoint", endpoint(), "--kubelet-root", kubelet(),
                         "--state-dir", bench_.state(), "--node-id", "n"},
                        bench_.environment(),
                        bench_.output(),
                        true});
  auto code = nobody.wait();
  // 127: where the build lies in root's home, nobody cannot even start it.
  if (code != 127) {
    EXPECT_EQ(code, 1);
    EXPECT_THAT(nobody.err(), HasSubstr("CAP_SYS_ADMIN"));
  }
}

}  // namespace
}  // namespace gkm::support
