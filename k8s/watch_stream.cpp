#include "k8s/watch_stream.hpp"

#include "k8s/connection.hpp"

namespace gkm::k8s {
namespace {

constexpr size_t max_line_bytes = 16 << 20;  // an object, of which etcd takes 1.5 MB by default

}  // namespace

void watch_stream::on_head(const net::response_head& head) {
  head_ = head;
  if (head.status == 200) opened_();
}

void watch_stream::on_body(std::string_view bytes) {
  if (too_long_) return;
  bool is_lines = head_.status == 200;
  for (auto end = bytes.find('\n'); is_lines && end != std::string_view::npos;
       end = bytes.find('\n')) {
    auto line = bytes.substr(0, end);
    if (!rest_.empty()) line = rest_.append(line);
    if (!line.empty()) line_(line);
    rest_.clear();
    bytes.remove_prefix(end + 1);
  }
  too_long_ = bytes.size() > max_line_bytes - rest_.size();
  if (!too_long_) rest_.append(bytes);
}

void watch_stream::on_end(const std::optional<error>& failure) {
  if (failure) return end_(failure, 0);
  if (head_.status != 200) return end_(status_error(head_, rest_), head_.status);
  if (!too_long_) return end_(std::nullopt, 0);
  end_(error{errc::limit_exceeded,
             "an event is longer than " + std::to_string(max_line_bytes) + " bytes",
             {}},
       0);
}

}  // namespace gkm::k8s
