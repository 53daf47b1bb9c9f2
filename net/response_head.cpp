#include "net/http.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <ctime>

namespace gkm::net {
namespace {

// Beyond a year a pause means "never"; the cap keeps later sums from overflowing.
constexpr std::chrono::seconds longest_pause{365 * 24 * 3600};

}  // namespace

std::string response_head::header(const std::string& lower_case_name) const {
  auto at = headers.find(lower_case_name);
  return at == headers.end() ? std::string{} : at->second;
}

std::optional<std::chrono::seconds> response_head::retry_after() const {
  auto text = header("retry-after");
  if (text.empty()) return std::nullopt;
  if (text.find_first_not_of("0123456789") == std::string::npos) {
    int64_t seconds = 0;
    auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (bad != std::errc{}) return longest_pause;
    return std::min(std::chrono::seconds{seconds}, longest_pause);
  }
  auto when = curl_getdate(text.c_str(), nullptr);
  if (when < 0) return std::nullopt;
  std::chrono::seconds pause{when - std::time(nullptr)};
  return std::clamp(pause, std::chrono::seconds{0}, longest_pause);
}

}  // namespace gkm::net
