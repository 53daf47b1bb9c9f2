#include "actors/operator/webhook_server.hpp"

#include "actors/operator/tls_context.hpp"
#include "actors/operator/tls_stream.hpp"
#include "base/files.hpp"
#include "base/worker_pool.hpp"
#include "messages/printable.hpp"
#include "net/listen_address.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>

namespace gkm::cluster {
namespace {

constexpr size_t max_head_bytes = 64 * 1024;
constexpr int backlog = 128;  // httplib's own is 5
constexpr std::chrono::milliseconds default_decision{10'000};
constexpr const char* json_type = "application/json";
constexpr const char* plain_type = "text/plain; charset=utf-8";

/// Threads as there are connections, so that an idle server has none.
class connection_threads : public httplib::TaskQueue {
public:
  explicit connection_threads(size_t most) : pool_(most) {}
  void enqueue(std::function<void()> job) override { pool_.post(std::move(job)); }
  void shutdown() override { pool_.finish(); }

private:
  base::worker_pool pool_;
};

// httplib would collect a chunked or an unpacked body without any limit.
int refusal_of(const httplib::Request& request, size_t max_body_bytes) {
  if (request.method != "POST") return 405;
  if (request.has_header("Transfer-Encoding") || !request.has_header("Content-Length")) return 411;
  auto length = request.get_header_value("Content-Length");
  if (std::strtoull(length.c_str(), nullptr, 10) > max_body_bytes) return 413;
  auto type = request.get_header_value("Content-Type");
  if (request.has_header("Content-Encoding") || type.rfind(json_type, 0) != 0) return 415;
  return 0;
}

// An API server says how long it waits: "?timeout=10s".
std::chrono::milliseconds limit_of(const httplib::Request& request) {
  auto text = request.get_param_value("timeout");
  char* end = nullptr;
  auto seconds = std::strtol(text.c_str(), &end, 10);
  bool plain_seconds = end != text.c_str() && std::string_view(end) == "s";
  constexpr long most_s = 30;
  if (!plain_seconds || seconds < 1 || seconds > most_s) return default_decision;
  return std::chrono::seconds(seconds);
}

}  // namespace

class webhook_server::engine : public httplib::Server {
public:
  engine(const webhook_server_options& options, std::map<std::string, webhook> paths)
      : options_(options), stop_(::eventfd(0, EFD_CLOEXEC)) {
    new_task_queue = [this] { return new connection_threads(options_.connections); };
    set_payload_max_length(options.max_body_bytes);
    set_tcp_nodelay(true);
    set_pre_routing_handler([most = options.max_body_bytes](const auto& request, auto& response) {
      auto status = refusal_of(request, most);
      if (status) response.status = status;
      return status ? HandlerResponse::Handled : HandlerResponse::Unhandled;
    });
    for (auto& [path, hook] : paths) serve(path, std::move(hook));
  }

  ~engine() override {
    if (!thread_.joinable()) return;
    // A stop before the loop has begun would be overlooked.
    while (!is_running()) std::this_thread::yield();
    ::eventfd_write(stop_.get(), 1);
    stop();
    thread_.join();
  }

  bool bind(const net::listen_address& where) {
    port = where.port == 0                        ? bind_to_any_port(where.host)
           : bind_to_port(where.host, where.port) ? where.port
                                                  : -1;
    return port >= 0 && ::listen(svr_sock_, backlog) == 0;
  }

  void run() {
    thread_ = std::thread([this] { listen_after_bind(); });
  }

  void set_context(tls_context next) {
    std::lock_guard lock(mutex_);
    context_ = std::move(next);
  }
  tls_context context() const {
    std::lock_guard lock(mutex_);
    return context_;
  }

  int port = -1;

private:
  void serve(const std::string& path, webhook hook) {
    Post(path, [hook = std::move(hook)](const auto& request, auto& response) {
      auto answer = hook(request.body, limit_of(request));
      if (answer) return response.set_content(*answer, json_type);
      response.status = 400;
      response.set_content(printable(answer.error().message, max_head_bytes) + "\n", plain_type);
    });
  }

  bool process_and_close_socket(socket_t socket) override {
    base::fd owned(socket);
    ++open_;
    if (auto identity = context()) {
      tls_stream stream(socket, stop_.get(), identity.get());
      if (stream.handshake(options_.request)) converse(stream);
      stream.close();
    }
    --open_;
    ::shutdown(socket, SHUT_RDWR);
    return true;
  }

  void converse(tls_stream& stream) {
    for (bool last = false; !last && stream.await_request(options_.idle);) {
      stream.begin_request(options_.request, options_.max_body_bytes + max_head_bytes);
      // Room for newcomers comes before the comfort of those who are here.
      last = open_ > options_.connections / 2;
      bool taken = false;
      bool closed = false;
      bool fine = process_request(stream, last, closed, [&](httplib::Request& request) {
        taken = refusal_of(request, options_.max_body_bytes) == 0;
        request.headers.erase("Accept-Encoding");  // answers are too small to be packed
      });
      // The body of what was not taken is still on its way.
      last = last || !fine || !taken || closed;
      if (!stream.flush(options_.request)) return;
    }
  }

  const webhook_server_options options_;
  const base::fd stop_;
  std::atomic<size_t> open_ = 0;
  mutable std::mutex mutex_;
  tls_context context_;
  std::thread thread_;
};

webhook_server::webhook_server(std::unique_ptr<engine> e) : engine_(std::move(e)) {}
webhook_server::~webhook_server() = default;

result<std::unique_ptr<webhook_server>> webhook_server::start(
    const webhook_server_options& options, std::map<std::string, webhook> paths) {
  auto where = net::parse_listen_address(options.address);
  if (!where) return fail(where.error());
  auto made = std::make_unique<engine>(options, std::move(paths));
  if (!made->bind(*where))
    return fail(errc::io, "Failed to listen on '" + options.address +
                              "': the port is taken, or there is no such address; choose another "
                              "with --webhook-address");
  made->run();
  return std::unique_ptr<webhook_server>(new webhook_server(std::move(made)));
}

result<void> webhook_server::use(const serving_identity& identity) {
  auto context = make_tls_context(identity);
  if (!context) return fail(context.error());
  engine_->set_context(std::move(*context));
  return {};
}

bool webhook_server::has_identity() const { return engine_->context() != nullptr; }

uint16_t webhook_server::port() const { return static_cast<uint16_t>(engine_->port); }

}  // namespace gkm::cluster
