#include "gpus/drivers/uevent.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gkm::gpus {
namespace {

/// The words as lines that end with a zero, below a header.
std::string message(std::initializer_list<std::string> lines) {
  std::string all = "add@/devices/x";
  all += '\0';
  for (const auto& line : lines) all += line + '\0';
  return all;
}

TEST(uevent, is_about_gpus_that_come_and_go) {
  for (const auto* action : {"add", "remove", "bind", "unbind"})
    for (const auto& [key, value] : {std::pair{"SUBSYSTEM", "drm"}, {"SUBSYSTEM", "kfd"}})
      EXPECT_TRUE(
          is_about_gpus(message({std::string("ACTION=") + action, std::string(key) + "=" + value})))
          << action << value;
  EXPECT_TRUE(is_about_gpus(message({"ACTION=add", "DEVPATH=/module/nvidia", "SUBSYSTEM=module"})));
  EXPECT_TRUE(
      is_about_gpus(message({"ACTION=remove", "DEVPATH=/module/amdgpu", "SUBSYSTEM=module"})));
  for (const auto* code : {"30000", "30200", "38000", "120000"})
    EXPECT_TRUE(
        is_about_gpus(message({"ACTION=bind", "SUBSYSTEM=pci", std::string("PCI_CLASS=") + code})))
        << code;
}

TEST(uevent, is_not_about_gpus_otherwise) {
  EXPECT_FALSE(is_about_gpus(""));
  EXPECT_FALSE(is_about_gpus("add"));
  EXPECT_FALSE(is_about_gpus(message({})));
  EXPECT_FALSE(is_about_gpus(message({"ACTION=change", "SUBSYSTEM=drm"})));
  EXPECT_FALSE(is_about_gpus(message({"ACTION=add", "SUBSYSTEM=block"})));
  EXPECT_FALSE(is_about_gpus(message({"ACTION=add", "XSUBSYSTEM=drm"})));
  EXPECT_FALSE(is_about_gpus(message({"ACTION=add", "DEVPATH=/module/xfs", "SUBSYSTEM=module"})));
  for (const auto* code : {"20000", "3", "", "130000", "c0330"})
    EXPECT_FALSE(
        is_about_gpus(message({"ACTION=bind", "SUBSYSTEM=pci", std::string("PCI_CLASS=") + code})))
        << code;
}

}  // namespace
}  // namespace gkm::gpus
