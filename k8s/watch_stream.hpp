/// One answer to a watch request, cut into lines.
#pragma once

#include "net/http.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gkm::k8s {

class watch_stream final : public net::listener {
public:
  /// `opened` is called when the server agrees. `end` is called once, last; with an error unless
  /// the server ended a good answer in good order, and with the status that it refused with, if it
  /// did.
  watch_stream(std::function<void()> opened, std::function<void(std::string_view line)> line,
               std::function<void(const std::optional<error>&, int refusal)> end)
      : opened_(std::move(opened)), line_(std::move(line)), end_(std::move(end)) {}

  void on_head(const net::response_head& head) override;
  void on_body(std::string_view bytes) override;
  void on_end(const std::optional<error>& failure) override;

private:
  const std::function<void()> opened_;
  const std::function<void(std::string_view)> line_;
  const std::function<void(const std::optional<error>&, int)> end_;
  net::response_head head_;
  std::string rest_;  ///< of a line that is not whole yet; or the body of a refusal
  bool too_long_ = false;
};

}  // namespace gkm::k8s
