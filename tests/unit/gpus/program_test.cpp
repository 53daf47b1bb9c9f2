// The real gkm-gpu, run as a child on a machine that does not exist.
#include "gpus/inventory.hpp"
#include "gpus/inventory_writer.hpp"
#include "tests/support/build_tree.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/gpu_machine.hpp"
#include "tests/support/workbench.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>

namespace gkm::gpus {
namespace {

using support::child_process;
using support::gpu_machine;
using testing::HasSubstr;
using words = std::vector<std::string>;

ino_t inode(const std::filesystem::path& file) {
  struct stat info {};
  EXPECT_EQ(::stat(file.c_str(), &info), 0);
  return info.st_ino;
}

class program : public testing::Test {
protected:
  child_process start(words more) {
    words command{support::program("gkm-gpu"), "--root", machine_.root(), "--nvml",
                  gpu_machine::nvidia_library()};
    command.insert(command.end(), more.begin(), more.end());
    auto environment = support::basic_environment();
    environment[gpu_machine::nvidia_variable_name] = machine_.nvidia_variable();
    environment.insert(environment_.begin(), environment_.end());
    return child_process({command, environment, output_.path()});
  }
  child_process watching() { return start({"--watch", "--output", file_, "--timeout", "2"}); }

  std::string told() const {
    std::string all;
    if (auto gpus = read_inventory(file_))
      for (const auto& g : *gpus) all += std::to_string(g.id) + ":" + g.arch + " ";
    return all;
  }
  void comes_to(const std::string& what) const {
    support::eventually("the inventory says " + what, [&] { return told() == what; });
  }

  gpu_machine machine_;
  support::temp_dir output_;
  std::filesystem::path file_ = output_ / "run" / "gpus.json";
  std::map<std::string, std::string> environment_;
};

TEST_F(program, says_how_it_is_used) {
  auto help = start({"--help"});
  EXPECT_EQ(help.wait(), 0);
  EXPECT_THAT(help.out(), HasSubstr("Examples"));
  EXPECT_THAT(help.out(), HasSubstr("Exit codes"));
  for (const auto& wrong : {words{"--fly"}, words{"extra"}, words{"--watch", "--once"},
                            words{"--timeout", "0"}, words{"--log-level", "loud"}}) {
    auto child = start(wrong);
    EXPECT_EQ(child.wait(), 2) << testing::PrintToString(wrong);
    EXPECT_NE(child.err(), "");
  }
}

TEST_F(program, writes_what_it_finds) {
  machine_.add_amd_gpu(1);
  machine_.nvidia("archs", "9.0");
  auto child = start({"--output", file_});
  EXPECT_EQ(child.wait(), 0) << child.err();
  EXPECT_EQ(told(), "0:gfx90a 1:90 ");
  auto shown = start({"--output", "-"});
  EXPECT_EQ(shown.wait(), 0);
  EXPECT_EQ(shown.out(), support::read_whole(file_));
}

TEST_F(program, writes_that_there_is_none) {
  EXPECT_EQ(start({"--output", file_}).wait(), 0);
  auto gpus = read_inventory(file_);
  ASSERT_TRUE(gpus) << gpus.error().message;
  EXPECT_TRUE(gpus->empty());
}

TEST_F(program, says_so_when_part_is_missing) {
  machine_.add_amd_gpu(1);
  machine_.nvidia("status", "9");
  auto child = start({"--output", file_});
  EXPECT_EQ(child.wait(), 3);
  EXPECT_EQ(told(), "0:gfx90a ");
  EXPECT_THAT(child.err(), HasSubstr("Driver Not Loaded"));
}

TEST_F(program, does_not_wait_for_a_hung_driver) {
  machine_.add_amd_gpu(1);
  machine_.nvidia("hang", "");
  EXPECT_EQ(start({"--output", file_, "--timeout", "2"}).wait(), 3);
  EXPECT_EQ(told(), "0:gfx90a ");
}

TEST_F(program, reports_what_it_cannot_write) {
  machine_.write("file", "");
  auto child = start({"--output", machine_.root() / "file" / "gpus.json"});
  EXPECT_EQ(child.wait(), 1);
  EXPECT_THAT(child.err(), HasSubstr("file"));
}

TEST_F(program, simulates) {
  machine_.add_amd_gpu(1);
  EXPECT_EQ(start({"--simulate", "--output", file_}).wait(), 0);
  EXPECT_EQ(told(), "0:gfx90a 1:gfx90a ");
  environment_["NO_GPU"] = "true";
  std::filesystem::remove(file_);
  auto child = start({"--watch", "--output", file_});
  comes_to("0:gfx90a 1:gfx90a ");
  child.send_signal(SIGTERM);
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(program, follows_gpus_that_come_and_go) {
  machine_.add_amd_gpu(1);
  auto child = watching();
  comes_to("0:gfx90a ");
  machine_.add_amd_gpu(2, {{"gfx_target_version", "90402"}});
  comes_to("0:gfx90a 1:gfx942 ");
  machine_.nvidia("archs", "9.0");
  machine_.add_nvidia_node("nvidia0");
  comes_to("0:gfx90a 1:gfx942 2:90 ");
  std::filesystem::rename(machine_.amd_node(1), machine_.root() / "gone");
  comes_to("0:gfx942 1:90 ");
  child.send_signal(SIGTERM);
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(program, follows_its_log_level) {
  auto config = output_ / "config";
  std::filesystem::create_directory(config);
  support::write_whole(config / "gkm.agent.log.level", "warn\n");
  environment_["GKM_CONFIG_DIR"] = config;
  auto child = watching();
  support::eventually("the inventory is there", [&] { return std::filesystem::exists(file_); });
  EXPECT_EQ(child.err(), "");
  support::write_whole(config / "gkm.agent.log.level", "loud\n");
  support::eventually("it says that it did not understand", [&] {
    return child.err().find("key=gkm.agent.log.level value=loud") != std::string::npos;
  });
  support::write_whole(config / "gkm.agent.log.level", "debug\n");
  support::eventually("it says that it did", [&] {
    return child.err().find("Log level is set level=debug") != std::string::npos;
  });
  child.send_signal(SIGTERM);
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(program, looks_again_when_a_hung_driver_answers) {
  machine_.add_amd_gpu(1);
  machine_.nvidia("archs", "9.0");
  machine_.nvidia("hang", "");
  auto child = watching();
  comes_to("0:gfx90a ");
  machine_.nvidia_without("hang");
  comes_to("0:gfx90a 1:90 ");
  child.send_signal(SIGINT);
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(program, touches_no_file_that_says_the_same) {
  inventory_writer first(file_);
  auto written = first.write(simulated_inventory());
  ASSERT_TRUE(written && *written);
  const auto before = inode(file_);
  auto again = inventory_writer(file_).write(simulated_inventory());
  ASSERT_TRUE(again);
  EXPECT_FALSE(*again);
  EXPECT_EQ(inode(file_), before);
  auto other = first.write({});
  EXPECT_TRUE(other && *other);
  EXPECT_EQ(told(), "");
}

}  // namespace
}  // namespace gkm::gpus
