/// One accepted connection, plain or TLS, as blocking reads and writes. Owned by its thread; only
/// `shut` may be called from another.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::support {

/// A server's TLS context, shared by its connections.
class tls_context {
public:
  tls_context(const std::string& certificate_file, const std::string& key_file,
              const std::string& client_ca_file);
  void* get() const { return context_.get(); }

private:
  std::shared_ptr<void> context_;
};

class wire {
public:
  /// `on_blocked` is called when a send has made no headway for a moment.
  wire(int fd, std::function<void()> on_blocked) : fd_(fd), on_blocked_(std::move(on_blocked)) {}
  ~wire();
  wire(const wire&) = delete;
  wire& operator=(const wire&) = delete;

  /// False if the handshake fails. `offered` gets the client's ALPN list.
  bool start_tls(const tls_context& context, std::vector<std::string>& offered);
  /// Appends what is there; false at the end or on an error.
  bool read_some(std::string& to);
  /// `sent` is told of each part that the kernel took.
  bool write_all(std::string_view bytes, const std::function<void(size_t)>& sent = {});
  /// Makes the close that follows an RST.
  void reset_on_close();
  /// Ends the writes, then takes what the other side still sends: closing with bytes unread would
  /// be an RST, which may overtake what was written last.
  void finish();
  /// Ends all reads and writes, now and later.
  void shut();

private:
  int fd_;
  std::function<void()> on_blocked_;
  std::shared_ptr<void> ssl_;
};

}  // namespace gkm::support
