#include "net/http.hpp"

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
  (*made)->meet_at(at);
  auto stream = std::make_unique<open_body>(std::move(at), std::move(stop));
  loop_->submit(std::move(*made));
  if (auto answered = stream->wait_for_head(); !answered) return fail(answered.error());
  return stream;
}

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
