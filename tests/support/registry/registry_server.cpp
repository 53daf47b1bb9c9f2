#include "tests/support/registry/registry_server.hpp"

#include <gtest/gtest.h>

namespace gkm::support {
namespace fs = std::filesystem;

registry_server::registry_server(fs::path folder, registry_plan plan) : folder_(std::move(folder)) {
  fs::create_directories(folder_ / "storage");
  write_config(plan);
  child_plan run{{find_program("docker-registry").value_or("docker-registry"), "serve",
                  (folder_ / "config.yml").string()},
                 basic_environment(),
                 folder_ / "log"};
  run.environment["OTEL_TRACES_EXPORTER"] = "none";
  child_ = std::make_unique<child_process>(run);
  const std::string announcement = "listening on 127.0.0.1:";
  // The kernel chooses the port; the registry's log tells it.
  eventually("docker-registry listens", [&] {
    auto log = child_->err() + child_->out();
    auto at = log.find(announcement);
    if (at != std::string::npos)
      port_ = static_cast<uint16_t>(std::stoul(log.substr(at + announcement.size())));
    return port_ != 0 || !child_->is_running();
  });
  EXPECT_NE(port_, 0) << child_->err();
}

void registry_server::write_config(const registry_plan& plan) const {
  auto text = "version: 0.1\nlog: {level: info}\nstorage:\n  filesystem: {rootdirectory: " +
              (folder_ / "storage").string() + "}\n";
  if (!plan.htpasswd.empty())
    text += "auth:\n  htpasswd: {realm: test, path: " + plan.htpasswd.string() + "}\n";
  text += "http:\n  addr: \"127.0.0.1:" + std::to_string(plan.port) + "\"\n";
  if (plan.tls)
    text += "  tls: {certificate: " + plan.tls->certificate_file + ", key: " + plan.tls->key_file +
            "}\n";
  write_whole(folder_ / "config.yml", text);
}

}  // namespace gkm::support
