#include "k8s/credentials.hpp"

#include "base/base64.hpp"
#include "base/files.hpp"
#include "k8s/objects/time.hpp"

namespace gkm::k8s {
namespace {

constexpr std::chrono::seconds file_is_fresh{60};
constexpr int64_t expires_soon_s = 10;
constexpr size_t max_token_bytes = 64 << 10;

proof_ptr fixed(const user& u) {
  auto made = std::make_shared<proof>();
  made->client_cert_pem = u.client_cert_pem;
  made->client_key_pem = u.client_key_pem;
  if (!u.token.empty())
    made->authorization = "Bearer " + u.token;
  else if (!u.username.empty())
    made->authorization = "Basic " + base::to_base64(u.username + ":" + u.password);
  return made;
}

bool is_from_plugin(const user& u) {
  return u.exec && u.token.empty() && u.token_file.empty() && u.username.empty();
}

}  // namespace

credentials::credentials(const config& of, std::function<void(std::function<void()>)> later)
    : config_(of), later_(std::move(later)) {}

void credentials::get(answer<proof_ptr> reply) {
  const auto& u = config_.identity;
  if (!u.token_file.empty()) return reply(from_file());
  if (!is_from_plugin(u)) {
    if (!current_) current_ = fixed(u);
    return reply(current_);
  }
  bool expired = current_ && current_->expires_unix_s &&
                 *current_->expires_unix_s - expires_soon_s <= now_unix_s();
  if (current_ && !expired) return reply(current_);
  waiting_.push_back(std::move(reply));
  if (waiting_.size() == 1) run_plugin();
}

bool credentials::refused(const proof_ptr& which) {
  const auto& u = config_.identity;
  if (u.token_file.empty() && !is_from_plugin(u)) return false;
  if (which == current_) {
    read_at_ = {};
    if (u.token_file.empty()) current_.reset();
  }
  return true;
}

// While a new token cannot be read the old one may still do.
result<proof_ptr> credentials::from_file() {
  auto now = std::chrono::steady_clock::now();
  bool fresh =
      read_at_ != std::chrono::steady_clock::time_point{} && now - read_at_ < file_is_fresh;
  if (current_ && fresh) return current_;
  auto token = base::read_file(config_.identity.token_file, max_token_bytes);
  if (token) token->erase(token->find_last_not_of(" \t\r\n") + 1);
  if (token && !token->empty()) {
    auto made = std::make_shared<proof>(*fixed(config_.identity));
    made->authorization = "Bearer " + *token;
    current_ = std::move(made);
    read_at_ = now;
  }
  if (current_) return current_;
  if (!token) return wrap(token.error(), "Failed to read the token");
  return fail(errc::unauthorized,
              "the token file '" + config_.identity.token_file.string() + "' is empty");
}

void credentials::run_plugin() {
  plugin_thread_.post([this, alive = std::weak_ptr(alive_), later = later_, of = config_] {
    auto made = ask_plugin(of);
    later([this, alive, made = std::move(made)] {
      if (alive.lock()) keep(made);
    });
  });
}

void credentials::keep(result<proof> made) {
  if (made) {
    if (made->client_cert_pem.empty()) {
      made->client_cert_pem = config_.identity.client_cert_pem;
      made->client_key_pem = config_.identity.client_key_pem;
    }
    current_ = std::make_shared<proof>(std::move(*made));
  }
  for (auto& reply : std::exchange(waiting_, {}))
    reply(made ? result<proof_ptr>(current_) : fail(made.error()));
}

}  // namespace gkm::k8s
