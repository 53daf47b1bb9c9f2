#include "net/transfer.hpp"

#include "base/program/log.hpp"
#include "net/address.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace gkm::net {
namespace {

// What a redirect says besides its location is read only to keep its connection usable.
constexpr uint64_t max_drained_bytes = 64 * 1024;
constexpr std::chrono::milliseconds max_drain_time{500};

static_assert(CURL_ERROR_SIZE == 256);

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

result<std::unique_ptr<transfer>> transfer::make(request what, const engine_options& options) {
  if (auto fine = check_request(what); !fine) return fail(fine.error());
  auto target = parse_url(what.url);
  if (!target) return fail(target.error());
  if (!may_connect(*target, options.plain_http_anywhere, options.plain_http_hosts))
    return fail(errc::refused, "plain http to '" + target->origin() +
                                   "' refused: use https, or list the host among those that may "
                                   "speak plain http");
  if (auto fine = check_reach(*target, options); !fine) return fail(fine.error());
  init_curl();
  std::unique_ptr<transfer> made(new transfer(std::move(what), options, std::move(*target)));
  if (!made->easy_) return fail(errc::internal, "out of memory for a request");
  made->set_callbacks();
  return made;
}

transfer::transfer(request what, const engine_options& options, url target)
    : request_(std::move(what)),
      options_(options),
      first_target_(target),
      target_(std::move(target)),
      easy_(curl_easy_init()) {}

void transfer::set_callbacks() {
  auto* easy = easy_.get();
  set_request(easy, request_, options_);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail_.data());
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &header_thunk);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &body_thunk);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &connected_thunk);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, this);
  if (!sends_body(request_)) return;
  curl_easy_setopt(easy, CURLOPT_READFUNCTION, &upload_thunk);
  curl_easy_setopt(easy, CURLOPT_READDATA, this);
  curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, &rewind_thunk);
  curl_easy_setopt(easy, CURLOPT_SEEKDATA, this);
}

size_t transfer::header_thunk(char* bytes, size_t size, size_t count, void* self) {
  return static_cast<transfer*>(self)->on_header({bytes, size * count});
}

size_t transfer::body_thunk(char* bytes, size_t size, size_t count, void* self) {
  return static_cast<transfer*>(self)->on_body(bytes, size * count);
}

size_t transfer::upload_thunk(char* bytes, size_t size, size_t count, void* self) {
  return static_cast<transfer*>(self)->on_upload(bytes, size * count);
}

int transfer::rewind_thunk(void* self, int64_t offset, int origin) {
  auto* t = static_cast<transfer*>(self);
  if (origin != SEEK_SET || offset < 0 || static_cast<uint64_t>(offset) > t->request_.body.size())
    return CURL_SEEKFUNC_FAIL;
  t->uploaded_bytes_ = static_cast<uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

int transfer::connected_thunk(void* self, char*, char*, int, int) {
  static_cast<transfer*>(self)->enter(phase::waiting);
  return CURL_PREREQFUNC_OK;
}

void transfer::enter(phase next) {
  phase_ = next;
  since_ = clock::now();
}

void transfer::begin_hop() {
  auto* easy = easy_.get();
  begun_at_ = origin();
  bool redirected_host = target_.host != first_target_.host;
  auto server_name = redirected_host ? std::string{} : request_.tls.server_name;
  detour_ = set_target(easy, target_, server_name, request_.proxy);
  guard_.refused = false;
  set_guard(easy, may_go_anywhere(target_, options_) ? nullptr : &guard_);
  set_tls(easy, request_.tls, redirected_host);
  headers_ = set_headers(easy, request_, credentials_);
  parser_ = {};
  detail_[0] = '\0';
  drained_bytes_ = uploaded_bytes_ = 0;
  head_done_ = false;
  enter(phase::connecting);
}

size_t transfer::on_upload(char* bytes, size_t room) {
  auto left = request_.body.size() - uploaded_bytes_;
  auto count = std::min<uint64_t>(left, room);
  std::memcpy(bytes, request_.body.data() + uploaded_bytes_, count);
  uploaded_bytes_ += count;
  // The wait for an answer begins with the last byte of the question.
  if (phase_ == phase::waiting) since_ = clock::now();
  return count;
}

size_t transfer::on_header(std::string_view line) {
  constexpr size_t stop = 0;
  if (head_done_) return line.size();  // trailers
  if (phase_ == phase::connecting) enter(phase::waiting);
  switch (parser_.feed(line)) {
    case head_parser::outcome::too_big:
      abort_ =
          error{errc::limit_exceeded,
                "'" + origin() + "' answered with more than " + std::to_string(max_header_lines) +
                    " headers or " + std::to_string(max_header_bytes) + " bytes of them",
                {}};
      return stop;
    case head_parser::outcome::more:
      enter(phase::receiving);
      break;
    case head_parser::outcome::block_ended:
      if (!on_head_end()) return stop;
  }
  return line.size();
}

bool transfer::on_head_end() {
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status >= 100 && status < 200) {
    enter(phase::waiting);  // the real answer is still to come
    return true;
  }
  head_done_ = true;
  curl_off_t length = -1;
  curl_easy_getinfo(easy_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  if (length >= 0) expected_bytes_ = static_cast<uint64_t>(length);
  response_head head{static_cast<int>(status), parser_.take_fields(), target_.text};
  if (is_redirect(head.status) && (request_.method == "GET" || request_.method == "HEAD")) {
    if (auto location = head.header("location"); !location.empty()) {
      auto next = redirect_target(location);
      if (!next) {
        abort_ = next.error();
        return false;
      }
      redirect_ = std::move(*next);
      enter(phase::draining);
      return true;
    }
  }
  consumer_->put_head(std::move(head));
  return true;
}

result<url> transfer::redirect_target(const std::string& location) const {
  auto step = "following a redirect from '" + origin() + "'";
  if (hops_ >= options_.redirects)
    return fail(errc::refused,
                step + ": more than " + std::to_string(options_.redirects) + " redirects in a row");
  auto next = resolve_url(target_, location);
  if (!next) return wrap(next.error(), step);
  if (target_.scheme == "https" && next->scheme == "http")
    return fail(errc::refused, step + ": from https to plain 'http://' on '" + next->origin() +
                                   "' is never allowed");
  if (!may_connect(*next, options_.plain_http_anywhere, options_.plain_http_hosts))
    return fail(errc::refused, step + ": plain http to '" + next->origin() +
                                   "' is not allowed; list the host if it is meant to be");
  if (auto fine = check_reach(*next, options_); !fine) return wrap(fine.error(), step);
  return next;
}

size_t transfer::on_body(const char* bytes, size_t count) {
  constexpr size_t stop = 0;
  if (redirect_) {
    drained_bytes_ += count;
    return drained_bytes_ > max_drained_bytes ? stop : count;
  }
  if (backlog_full_) {
    backlog_full_ = consumer_->pause();
    if (backlog_full_) {
      phase_ = phase::paused;
      return CURL_WRITEFUNC_PAUSE;
    }
  }
  enter(phase::receiving);
  if (consumer_->take({bytes, count}))
    received_bytes_ += count;
  else
    fill({bytes, count});
  return count;
}

void transfer::fill(std::string_view bytes) {
  busy_ = true;
  if (lent_) filling_ = consumer_->take_back();
  lent_ = false;
  while (!bytes.empty()) {
    if (filling_.spare().empty()) filling_ = base::chunk(next_capacity());
    auto room = filling_.spare();
    auto part = bytes.substr(0, room.size());
    std::memcpy(room.data(), part.data(), part.size());
    filling_.grow(part.size());
    received_bytes_ += part.size();
    bytes.remove_prefix(part.size());
    if (filling_.spare().empty()) backlog_full_ = consumer_->put_full(std::exchange(filling_, {}));
  }
}

// A small body does not need a large block. One that is longer than it said goes on in large ones.
size_t transfer::next_capacity() const {
  if (!expected_bytes_ || *expected_bytes_ <= received_bytes_) return chunk_bytes;
  return std::min<uint64_t>(*expected_bytes_ - received_bytes_, chunk_bytes);
}

bool transfer::settle() {
  if (std::exchange(busy_, false)) return false;
  if (!filling_.empty() && !lent_) {
    consumer_->give_partial(std::exchange(filling_, {}));
    lent_ = true;
  }
  return true;
}

bool transfer::resume(int& curl_code) {
  enter(phase::receiving);
  curl_code = curl_easy_pause(easy_.get(), CURLPAUSE_CONT);
  return curl_code == CURLE_OK;
}

bool transfer::follow() {
  if (!same_origin(target_, *redirect_)) credentials_ = false;
  target_ = std::move(*redirect_);
  redirect_.reset();
  expected_bytes_.reset();
  ++hops_;
  phase_ = phase::queued;
  return true;
}

bool transfer::finish_hop(int curl_code) {
  // However the rest of a redirect went, its location is known.
  if (redirect_) return follow();
  if (!filling_.empty()) consumer_->put_full(std::exchange(filling_, {}));
  if (abort_ && abort_->code == errc::refused)
    fail_with(*abort_);
  else if (abort_)
    fail_without_cause(*abort_);
  else if (curl_code == CURLE_COULDNT_CONNECT && guard_.refused)
    fail_without_cause(not_reachable(target_));
  else if (curl_code != CURLE_OK)
    fail_without_cause(describe_failure(curl_code, facts()));
  else if (!head_done_)
    fail_without_cause(describe_failure(CURLE_GOT_NOTHING, facts()));
  else
    consumer_->end(std::nullopt);
  return false;
}

void transfer::fail_with(error why) { consumer_->end(std::move(why)); }

/// For whatever a look at the network could be told from.
void transfer::fail_without_cause(const error& why) {
  if (!options_.hide_causes) return fail_with(why);
  base::log::info("A request failed", {{"to", origin()}, {"error", why.message}});
  fail_with(describe_unreachable(origin()));
}

std::optional<transfer::clock::time_point> transfer::deadline() const {
  switch (phase_) {
    case phase::waiting:
      return since_ + request_.limits.first_byte;
    case phase::receiving:
      return since_ + request_.limits.stall;
    case phase::draining:
      return since_ + max_drain_time;
    case phase::queued:
    case phase::connecting:  // libcurl's own timeout
    case phase::paused:
      return std::nullopt;
  }
  return std::nullopt;
}

bool transfer::expire() {
  if (redirect_) return follow();
  if (!filling_.empty()) consumer_->put_full(std::exchange(filling_, {}));
  fail_without_cause(phase_ == phase::waiting ? describe_no_answer(facts())
                                              : describe_stall(facts()));
  return false;
}

failure_facts transfer::facts() const {
  failure_facts f{origin(),   request_.limits, request_.tls,
                  head_done_, received_bytes_, expected_bytes_,
                  0,          detail_.data()};
  long os_errno = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &os_errno);
  f.os_errno = static_cast<int>(os_errno);
  return f;
}

}  // namespace gkm::net
