#include "net/http.hpp"

#include "net/exchange.hpp"
#include "net/loop.hpp"

namespace gkm::net {
namespace {

class open_body final : public body_stream {
public:
  open_body(std::shared_ptr<exchange> at, std::stop_token stop)
      : exchange_(std::move(at)),
        on_stop_(std::move(stop), [e = exchange_.get()] { e->cancel(); }) {}
  ~open_body() override { exchange_->cancel(); }

  result<void> wait_for_head() {
    auto head = exchange_->wait_for_head();
    if (!head) return fail(head.error());
    head_ = std::move(*head);
    return {};
  }

  const response_head& head() const override { return head_; }
  result<base::chunk> next() override { return exchange_->next(); }

private:
  std::shared_ptr<exchange> exchange_;
  response_head head_;
  std::stop_callback<std::function<void()>> on_stop_;
};

// Hands everything on as it comes; nothing ever waits here.
class listener_adapter final : public response_consumer {
public:
  explicit listener_adapter(std::shared_ptr<listener> who) : who_(std::move(who)) {}

  void cancel() { cancelled_.store(true, std::memory_order_release); }

  bool cancelled() const override { return cancelled_.load(std::memory_order_acquire); }
  void put_head(response_head head) override {
    if (who_ && !cancelled()) who_->on_head(head);
  }
  bool take(std::string_view bytes) override {
    if (who_ && !cancelled()) who_->on_body(bytes);
    return true;
  }
  bool put_full(base::chunk) override { return false; }
  void give_partial(base::chunk) override {}
  base::chunk take_back() override { return {}; }
  bool pause() override { return false; }
  bool wants_resume() override { return false; }
  void end(std::optional<error> failure) override {
    // Let go of first: what it does may end in this very object's destruction.
    if (auto who = std::exchange(who_, nullptr)) who->on_end(failure);
  }

private:
  std::shared_ptr<listener> who_;
  std::atomic<bool> cancelled_{false};
};

error too_long(const response_head& head, size_t max_bytes) {
  auto from = parse_url(head.url);
  return {errc::limit_exceeded,
          "answer from '" + (from ? from->origin() : std::string{}) + "' is longer than " +
              std::to_string(max_bytes) + " bytes",
          {}};
}

std::optional<uint64_t> announced_length(const response_head& head) {
  auto text = head.header("content-length");
  if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return std::stoull(text);
}

}  // namespace

engine::engine(engine_options options)
    : options_(std::move(options)), loop_(std::make_unique<transfer_loop>(options_)) {}

engine::~engine() = default;

result<std::unique_ptr<body_stream>> engine::open(const request& what, std::stop_token stop) {
  auto made = transfer::make(what, options_);
  if (!made) return fail(made.error());
  auto at = std::make_shared<exchange>((*made)->origin(), [loop = loop_.get()] { loop->wake(); });
  (*made)->work_for(at);
  auto stream = std::make_unique<open_body>(std::move(at), std::move(stop));
  loop_->submit(std::move(*made));
  if (auto answered = stream->wait_for_head(); !answered) return fail(answered.error());
  return stream;
}

result<canceller> engine::start(const request& what, std::shared_ptr<listener> who) {
  auto made = transfer::make(what, options_);
  if (!made) return fail(made.error());
  auto at = std::make_shared<listener_adapter>(std::move(who));
  (*made)->work_for(at);
  loop_->submit(std::move(*made));
  return [weak = std::weak_ptr(at), loop = loop_.get()] {
    auto at = weak.lock();
    if (!at) return;
    at->cancel();
    loop->wake();
  };
}

void engine::after(std::chrono::milliseconds pause, std::function<void()> job) {
  loop_->after(pause, std::move(job));
}

void engine::close() { loop_->close(); }

result<response> engine::fetch(const request& what, size_t max_bytes, std::stop_token stop) {
  auto stream = open(what, std::move(stop));
  if (!stream) return fail(stream.error());
  response got{(*stream)->head(), {}};
  if (what.method != "HEAD") {
    if (auto length = announced_length(got.head)) {
      if (*length > max_bytes) return fail(too_long(got.head, max_bytes));
      got.body.reserve(*length);
    }
  }
  for (;;) {
    auto part = (*stream)->next();
    if (!part) return fail(part.error());
    if (part->empty()) return got;
    if (part->size() > max_bytes - got.body.size()) return fail(too_long(got.head, max_bytes));
    got.body.append(reinterpret_cast<const char*>(part->data()), part->size());
  }
}

}  // namespace gkm::net
