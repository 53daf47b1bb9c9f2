/// kubectl, as one identity on one test server, with `kubectl gkm` as its plugin.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace gkm::support {

class child_process;

struct kubectl_answer {
  int code = -1;
  std::string out;
  std::string err;

  bool ok() const { return code == 0; }
};

class kubectl {
public:
  /// `folder` is for what it writes and says.
  kubectl(std::filesystem::path program, std::filesystem::path kubeconfig,
          std::filesystem::path folder);

  const std::filesystem::path& kubeconfig() const { return kubeconfig_; }

  kubectl_answer ask(const std::vector<std::string>& arguments) const;
  /// One that goes on by itself, as `get --watch` does.
  child_process start(const std::vector<std::string>& arguments) const;
  /// `ask` with `text` in a file whose name ends the command: {"apply", "-f"}.
  kubectl_answer ask_with_file(std::vector<std::string> arguments, const std::string& text) const;

  /// As `ask`, but the test fails, with kubectl's words, unless it ends with 0.
  std::string run(const std::vector<std::string>& arguments) const;
  std::string apply(const std::string& yaml) const;
  /// The same without kubectl's own annotation, which those who may set none cannot use.
  std::string apply_at_server(const std::string& yaml) const;
  /// One field of one object: get("-n ns pods/a", "{.spec.nodeName}").
  std::string field(const std::vector<std::string>& object, const std::string& json_path) const;

private:
  std::filesystem::path program_;
  std::filesystem::path kubeconfig_;
  std::filesystem::path folder_;
};

}  // namespace gkm::support
