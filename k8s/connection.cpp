#include "k8s/connection.hpp"

#include "net/retry.hpp"

#include <random>

namespace gkm::k8s {
namespace {

constexpr size_t max_body_bytes = 64 << 20;  // of one answer; lists come in chunks
constexpr uint32_t most_requests = 64;       // at once; servers allow about 100 on a connection
constexpr std::chrono::milliseconds dead_peer{30'000};
constexpr std::chrono::milliseconds first_pause{200};

net::engine_options engine_options_for(const client_options& options) {
  net::engine_options o;
  o.connections_per_host = most_requests;
  o.redirects = 0;
  o.user_agent = options.user_agent;
  o.multiplex = true;
  o.dead_peer = dead_peer;
  return o;
}

uint64_t chance() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return generator();
}

// One request and its repetitions. Whoever drops the last reference to it cancels it.
class call final : public net::listener, public std::enable_shared_from_this<call> {
public:
  call(std::shared_ptr<connection> on, api_request what, answer<std::string> reply)
      : on_(std::move(on)), what_(std::move(what)), reply_(std::move(reply)) {}
  ~call() override { finish(fail(errc::cancelled, "the client is closing")); }

  void begin() {
    head_ = {};
    body_.clear();
    on_->identity().get([self = shared_from_this()](result<proof_ptr> who) {
      if (!who) return self->finish(fail(who.error()));
      self->ask(std::move(*who));
    });
  }

  void on_head(const net::response_head& head) override { head_ = head; }

  void on_body(std::string_view bytes) override {
    if (bytes.size() <= max_body_bytes - body_.size())
      body_ += bytes;
    else
      too_long_ = true;
  }

  void on_end(const std::optional<error>& failure) override {
    if (failure) return finish(fail(*failure));
    if (too_long_)
      return finish(fail(errc::limit_exceeded,
                         "the answer is longer than " + std::to_string(max_body_bytes) + " bytes"));
    if (head_.status >= 200 && head_.status < 300) return finish(std::move(body_));
    if (head_.status == 401 && !asked_again_ && on_->identity().refused(who_)) {
      asked_again_ = true;
      return again_after(std::chrono::milliseconds{0});
    }
    auto e = status_error(head_, body_);
    if (auto pause = pause_before_next()) return again_after(*pause);
    finish(fail(std::move(e)));
  }

private:
  void ask(proof_ptr who) {
    who_ = std::move(who);
    auto request = on_->prepare(what_.target, *who_);
    request.method = what_.method;
    request.body = what_.body;
    request.content_type = what_.content_type;
    auto started = on_->http().start(request, shared_from_this());
    if (!started) finish(fail(started.error()));
  }

  // A server that is too busy has done nothing; one that failed may have, so it must say that
  // trying again makes sense.
  std::optional<std::chrono::milliseconds> pause_before_next() {
    auto asked = head_.retry_after();
    bool worth_it = head_.status == 429 || (head_.status >= 500 && asked && what_.repeatable);
    if (!worth_it) return std::nullopt;
    net::retry_policy policy{on_->options().attempts, first_pause, on_->options().longest_pause};
    return net::next_delay(policy, ++tries_, asked, chance());
  }

  void again_after(std::chrono::milliseconds pause) {
    on_->after(pause, [self = shared_from_this()] { self->begin(); });
  }

  void finish(result<std::string> outcome) {
    auto reply = std::exchange(reply_, nullptr);
    if (!reply) return;
    if (outcome)
      reply(std::move(outcome));
    else
      reply(wrap(outcome.error(), what_.step));
  }

  const std::shared_ptr<connection> on_;
  const api_request what_;
  answer<std::string> reply_;
  proof_ptr who_;
  net::response_head head_;
  std::string body_;
  bool too_long_ = false;
  bool asked_again_ = false;
  uint32_t tries_ = 0;
};

// Tells the credentials when they were refused, and hands everything on.
class streamed final : public net::listener {
public:
  streamed(std::shared_ptr<connection> on, proof_ptr who, std::shared_ptr<net::listener> to)
      : on_(std::move(on)), who_(std::move(who)), to_(std::move(to)) {}

  void on_head(const net::response_head& head) override {
    if (head.status == 401) on_->identity().refused(who_);
    to_->on_head(head);
  }
  void on_body(std::string_view bytes) override { to_->on_body(bytes); }
  void on_end(const std::optional<error>& failure) override { to_->on_end(failure); }

private:
  const std::shared_ptr<connection> on_;
  const proof_ptr who_;
  const std::shared_ptr<net::listener> to_;
};

}  // namespace

connection::connection(config where, client_options options)
    : where_(std::move(where)),
      options_(std::move(options)),
      http_(engine_options_for(options_)),
      credentials_(where_, [this](std::function<void()> job) {
        http_.after(std::chrono::milliseconds{0}, std::move(job));
      }) {}

net::request connection::prepare(const std::string& target, const proof& who) const {
  net::request r;
  r.url = where_.server + target;
  r.headers.emplace_back("Accept", "application/json");
  r.authorization = who.authorization;
  r.limits.first_byte = r.limits.stall = options_.answer_limit;
  r.tls.ca_pem = where_.ca_pem;
  r.tls.client_cert_pem = who.client_cert_pem;
  r.tls.client_key_pem = who.client_key_pem;
  r.tls.server_name = where_.tls_server_name;
  r.tls.skip_verify = where_.skip_verify;
  r.proxy = where_.proxy_url;
  return r;
}

void connection::send(api_request what, answer<std::string> reply) {
  auto c = std::make_shared<call>(shared_from_this(), std::move(what), std::move(reply));
  after(std::chrono::milliseconds{0}, [c] { c->begin(); });
}

void connection::stream(const std::string& target, std::chrono::milliseconds stall,
                        std::shared_ptr<net::listener> who,
                        std::function<void(net::canceller)> started) {
  credentials_.get([self = shared_from_this(), target, stall, who = std::move(who),
                    started = std::move(started)](result<proof_ptr> as) {
    if (!as) return who->on_end(as.error());
    auto request = self->prepare(target, **as);
    request.limits.stall = stall;
    auto cancel = self->http_.start(request, std::make_shared<streamed>(self, *as, who));
    if (!cancel) return who->on_end(cancel.error());
    started(*cancel);
  });
}

void connection::after(std::chrono::milliseconds pause, std::function<void()> job) {
  http_.after(pause, std::move(job));
}

void connection::close() { http_.close(); }

}  // namespace gkm::k8s
