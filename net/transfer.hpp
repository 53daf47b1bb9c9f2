/// One request on its way through the loop: its libcurl handle, its chain of redirects, its
/// deadlines. Made by the asking thread, then owned and touched by the loop thread alone.
///
///   queued ── begin_hop ──> connecting ──> waiting ──> receiving <──> paused
///     ^                                       │            │
///     └────────── another hop <── draining <──┘            └──> ended (by `finish_hop` or
///     `fail_with`)
#pragma once

#include "net/easy.hpp"
#include "net/failure.hpp"
#include "net/head_parser.hpp"
#include "net/response_consumer.hpp"

#include <array>

namespace gkm::net {

class transfer {
public:
  using clock = std::chrono::steady_clock;

  /// Checks all that can be checked without a connection. `options` must outlive the transfer.
  static result<std::unique_ptr<transfer>> make(request what, const engine_options& options);
  transfer(const transfer&) = delete;
  transfer& operator=(const transfer&) = delete;

  void work_for(std::shared_ptr<response_consumer> who) { consumer_ = std::move(who); }
  response_consumer& consumer() { return *consumer_; }
  void* easy() const { return easy_.get(); }
  /// Whom this hop asks, or the next one if `finish_hop` said that there is one.
  std::string origin() const { return target_.origin(); }
  /// Whom the last hop that was begun asked.
  const std::string& begun_at() const { return begun_at_; }

  void begin_hop();
  /// After libcurl has ended this hop: true if another one follows, else the asker was told the
  /// end.
  bool finish_hop(int curl_code);
  void fail_with(error why);

  /// Gives out a block that is not full if nothing came since the last call. False if one is held
  /// back because something did.
  bool settle();
  /// Goes on after a pause. False if that ended the hop with `curl_code`.
  bool resume(int& curl_code);

  std::optional<clock::time_point> deadline() const;
  /// `deadline` has passed: true if another hop follows, else the asker was told the end.
  bool expire();

private:
  enum class phase { queued, connecting, waiting, receiving, paused, draining };

  transfer(request what, const engine_options& options, url target);

  static size_t header_thunk(char* bytes, size_t size, size_t count, void* self);
  static size_t body_thunk(char* bytes, size_t size, size_t count, void* self);
  static size_t upload_thunk(char* bytes, size_t size, size_t count, void* self);
  static int rewind_thunk(void* self, int64_t offset, int origin);
  static int connected_thunk(void* self, char*, char*, int, int);
  void set_callbacks();

  size_t on_header(std::string_view line);
  size_t on_body(const char* bytes, size_t count);
  size_t on_upload(char* bytes, size_t room);
  bool on_head_end();
  result<url> redirect_target(const std::string& location) const;
  bool follow();
  void fail_without_cause(const error& why);
  void fill(std::string_view bytes);
  void enter(phase next);
  size_t next_capacity() const;
  failure_facts facts() const;

  const request request_;
  const engine_options& options_;
  const url first_target_;
  url target_;
  std::string begun_at_;
  std::shared_ptr<response_consumer> consumer_;
  std::array<char, 256> detail_{};  ///< CURL_ERROR_SIZE bytes
  header_list headers_;
  header_list detour_;  ///< where to connect, if that is not what the URL says
  easy_handle easy_;    ///< after what it points to

  phase phase_ = phase::queued;
  clock::time_point since_{};
  head_parser parser_;
  bool head_done_ = false;
  std::optional<url> redirect_;
  uint32_t hops_ = 0;
  address_guard guard_{options_};  ///< refused: the host's name led to an address it may not have
  bool credentials_ = true;        ///< false for good once another origin was asked
  std::optional<error> abort_;

  base::chunk filling_;
  bool lent_ = false;
  bool backlog_full_ = false;
  bool busy_ = false;  ///< bytes came since the last `settle`
  uint64_t received_bytes_ = 0;
  uint64_t drained_bytes_ = 0;
  uint64_t uploaded_bytes_ = 0;
  std::optional<uint64_t> expected_bytes_;
};

}  // namespace gkm::net
