#include "oci/registry/registry_blob.hpp"

#include "messages/printable.hpp"

#include <algorithm>
#include <charconv>

namespace gkm::oci {
namespace {

/// A connection that brings this much counts as progress, however many there are: how slow a
/// transfer may be is its caller's to say.
constexpr uint64_t progress_bytes = 4'096;

/// Requests in a row without progress, of a blob of which something has come: with the usual pauses
/// a minute. What has come is lost with the stream, so this is more patient than a first request.
constexpr uint32_t fruitless_max = 12;

std::optional<uint64_t> take_number(std::string_view& text) {
  uint64_t number = 0;
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc()) return {};
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

class registry_blob : public base::byte_stream {
public:
  registry_blob(std::shared_ptr<registry_client> client, const image_ref& ref,
                const descriptor& what, std::stop_token stop)
      : client_(std::move(client)),
        size_(what.size_bytes),
        stop_(std::move(stop)),
        question_(blob_question(ref, what)) {}

  result<void> open() {
    auto got =
        retrying(client_->retries(), stop_, [this] { return client_->ask(question_, stop_); });
    if (!got) return fail(got.error());
    return begin(std::move(*got));
  }

  result<base::chunk> next() override {
    for (;;) {
      auto got = body_->next();
      if (!got && done_ == size_) return base::chunk();  // nothing is missing
      if (!got && got.error().code != errc::unavailable) return got;
      if (got && !got->empty()) {
        auto useful = take(std::move(*got));
        if (!useful || !useful->empty()) return useful;
        continue;
      }
      if (got && done_ == size_) return got;
      auto ended = got ? short_error() : got.error();
      if (auto resumed = resume(ended); !resumed) return fail(resumed.error());
    }
  }

private:
  result<void> begin(std::unique_ptr<net::body_stream> body) {
    body_ = std::move(body);
    began_at_ = done_;
    return check_head();
  }

  tl::unexpected<error> corrupt(const std::string& cause) const {
    return fail(errc::corrupt, question_.subject + " " + cause);
  }

  error short_error() const {
    return {errc::corrupt,
            question_.subject + " ended after " + std::to_string(done_) + " of " +
                std::to_string(size_) + " bytes",
            {}};
  }

  // What the status and headers say about where the body starts and how long it is.
  result<void> check_head() {
    const auto& head = body_->head();
    skip_ = 0;
    if (head.status == 416) return fail(short_error());
    if (head.status == 206) {
      auto range = parse_content_range(head.header("content-range"));
      if (!range || range->first != done_)
        return corrupt("cannot be resumed at byte " + std::to_string(done_) +
                       ": the registry sent range '" + printable(head.header("content-range"), 60) +
                       "'");
      if (range->total != 0 && range->total != size_) return wrong_length(range->total);
    } else {
      skip_ = done_;  // the registry does not know ranges, and sends all of it again
    }
    auto text = head.header("content-length");
    std::string_view rest = text;
    auto length = take_number(rest);
    auto expected = size_ - done_ + skip_;
    if (length && rest.empty() && *length != expected)
      return wrong_length(*length > UINT64_MAX - size_ ? *length : *length + size_ - expected);
    return {};
  }

  /// The cause counts the bytes of the last connection; people want to know of the whole.
  tl::unexpected<error> wrap_whole(const error& cause) const {
    return wrap(cause, question_.subject + " broke off after " + std::to_string(done_) + " of " +
                           std::to_string(size_) + " bytes");
  }

  tl::unexpected<error> wrong_length(uint64_t actual) const {
    return corrupt("has " + std::to_string(actual) +
                   " bytes in the registry, its descriptor says " + std::to_string(size_));
  }

  // What of `got` was not seen before; empty if nothing.
  result<base::chunk> take(base::chunk got) {
    if (skip_ > 0) {
      auto n = std::min<uint64_t>(skip_, got.size());
      skip_ -= n;
      if (n == got.size()) return base::chunk();
      base::chunk rest(got.size() - n);
      std::copy(got.bytes().begin() + static_cast<ptrdiff_t>(n), got.bytes().end(),
                rest.spare().begin());
      rest.grow(got.size() - n);
      got = std::move(rest);
    }
    if (got.size() > size_ - done_)
      return corrupt("has more bytes than the " + std::to_string(size_) +
                     " that its descriptor says");
    done_ += got.size();
    return got;
  }

  /// Asks for everything from `done_` on, until a body begins.
  result<void> resume(error cause) {
    if (done_ - began_at_ >= progress_bytes) fruitless_ = 0;
    auto policy = client_->retries();
    if (done_ >= progress_bytes) policy.attempts = std::max(policy.attempts, fruitless_max);
    body_.reset();
    question_.from_byte = done_;
    for (;;) {
      auto delay = delay_after(policy, ++fruitless_, cause);
      if (!delay) return wrap_whole(cause);
      if (!pause(*delay, stop_)) return fail(errc::cancelled, question_.subject + ": cancelled");
      auto got = client_->ask(question_, stop_);
      if (got) return begin(std::move(*got));
      if (!got.error().again) return wrap_whole(got.error().what);
      cause = std::move(got.error().what);
    }
  }

  const std::shared_ptr<registry_client> client_;
  const uint64_t size_;
  const std::stop_token stop_;
  question question_;
  std::unique_ptr<net::body_stream> body_;
  uint64_t done_ = 0;       ///< bytes handed out
  uint64_t skip_ = 0;       ///< bytes of this body that were handed out before
  uint64_t began_at_ = 0;   ///< `done_` when this body began
  uint32_t fruitless_ = 0;  ///< requests in a row that brought next to nothing
};

}  // namespace

std::optional<content_range> parse_content_range(std::string_view text) {
  constexpr std::string_view unit = "bytes ";
  if (!text.starts_with(unit)) return {};
  text.remove_prefix(unit.size());
  auto first = take_number(text);
  if (!first || !text.starts_with('-')) return {};
  text.remove_prefix(1);
  auto last = take_number(text);
  if (!last || *last < *first || !text.starts_with('/')) return {};
  text.remove_prefix(1);
  if (text == "*") return content_range{*first, 0};
  auto total = take_number(text);
  if (!total || !text.empty() || *total <= *last) return {};
  return content_range{*first, *total};
}

question blob_question(const image_ref& ref, const descriptor& what) {
  question out;
  out.ref = ref;
  out.path = "blobs/" + what.content.str();
  out.subject = "blob '" + what.content.str() + "' of '" + ref.str() + "'";
  out.remedy = "the image is incomplete there: push it again";
  return out;
}

result<std::unique_ptr<base::byte_stream>> open_registry_blob(
    std::shared_ptr<registry_client> client, const image_ref& ref, const descriptor& what,
    std::stop_token stop) {
  auto blob = std::make_unique<registry_blob>(std::move(client), ref, what, std::move(stop));
  if (auto ok = blob->open(); !ok) return fail(ok.error());
  return blob;
}

}  // namespace gkm::oci
