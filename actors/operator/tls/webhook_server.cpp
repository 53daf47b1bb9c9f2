#include "actors/operator/tls/webhook_server.hpp"

#include "actors/operator/tls/tls_context.hpp"
#include "actors/operator/tls/tls_stream.hpp"
#include "base/files.hpp"
#include "base/worker_pool.hpp"
#include "messages/printable.hpp"
#include "net/server/listener.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <deque>
#include <mutex>
#include <thread>

namespace gkm::op {
namespace {

using clock = std::chrono::steady_clock;
using connection_id = net::connection_places::id;

constexpr size_t max_head_bytes = 64 * 1024;
constexpr std::chrono::milliseconds default_decision{10'000};
/// Until somebody may give way to who waits for a place.
constexpr std::chrono::milliseconds next_look{20};
/// Until a descriptor may be free again.
constexpr std::chrono::milliseconds no_descriptor_pause{100};
constexpr const char* json_type = "application/json";
constexpr const char* plain_type = "text/plain; charset=utf-8";

uint64_t body_bytes_of(const httplib::Request& request) {
  return std::strtoull(request.get_header_value("Content-Length").c_str(), nullptr, 10);
}

// httplib would collect a chunked or an unpacked body without any limit.
int refusal_of(const httplib::Request& request, size_t max_body_bytes) {
  if (request.method != "POST") return 405;
  if (request.has_header("Transfer-Encoding") || !request.has_header("Content-Length")) return 411;
  if (body_bytes_of(request) > max_body_bytes) return 413;
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

class webhook_server::impl : public httplib::Server {
public:
  impl(const webhook_server_options& options, net::listener at,
       std::map<std::string, webhook> paths)
      : options_(options),
        listener_(std::move(at)),
        stop_(::eventfd(0, EFD_CLOEXEC)),
        places_(options.connections),
        pool_(options.connections.places) {
    set_payload_max_length(options.max_body_bytes);
    set_pre_routing_handler([this](const auto& request, auto& response) {
      auto status = refusal_of(request, options_.max_body_bytes);
      if (status == 0 && !make_room_for(request)) status = 503;
      if (status) response.status = status;
      return status ? HandlerResponse::Handled : HandlerResponse::Unhandled;
    });
    for (auto& [path, hook] : paths) serve(path, std::move(hook));
    thread_ = std::thread([this] { welcome_all(); });
  }

  ~impl() override {
    ::eventfd_write(stop_.get(), 1);
    thread_.join();
    pool_.finish();
  }

  void set_context(tls_context next) {
    std::lock_guard lock(mutex_);
    context_ = std::move(next);
  }
  const client_proof& clients() const { return options_.clients; }
  uint16_t port() const { return listener_.port(); }

  bool can_answer() const {
    std::lock_guard lock(mutex_);
    return context_ && places_.can_answer(clock::now(), options_.stuck);
  }

private:
  /// One that is open, for the thread that serves it.
  struct connection {
    connection_id id = 0;
    bool proven = false;
    bool large = false;    ///< has one of the places for large bodies
    bool no_room = false;  ///< found none of them free
  };

  // httplib calls us back without saying for which connection; each has a thread of its own.
  static connection*& served_here() {
    static thread_local connection* here = nullptr;
    return here;
  }

  void welcome_all() {
    std::array<pollfd, 2> both{{{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    for (bool full = false;;) {
      // Without a descriptor there would be no end of waking up for who waits in front.
      both[0].events = static_cast<short>(full ? 0 : POLLIN);
      auto pause = full ? no_descriptor_pause : next_look;
      bool in_time = full || !waiting_.empty();
      ::poll(both.data(), both.size(), in_time ? static_cast<int>(pause.count()) : -1);
      if (both[1].revents != 0) return;
      auto came = listener_.accept();
      full = !came;
      if (came && *came) waiting_.push_back({std::move(**came), clock::now()});
      if (waiting_.size() > webhook_newcomers_max) waiting_.pop_front();
      std::erase_if(waiting_, [this](auto& one) {
        return welcome(one.who) || clock::now() - one.since >= options_.place;
      });
    }
  }

  /// False if it has to wait.
  bool welcome(net::newcomer& who) {
    std::lock_guard lock(mutex_);
    if (!context_) return true;
    auto id = last_ + 1;
    auto arrival = places_.come(id, who.peer, clock::now());
    if (!arrival.taken) return false;
    ++last_;
    if (arrival.gives_way)
      if (auto at = sockets_.find(*arrival.gives_way); at != sockets_.end())
        ::shutdown(at->second, SHUT_RD);  // its thread wakes up and ends, after an answer under way
    auto socket = std::make_shared<base::fd>(std::move(who.socket));
    sockets_[id] = socket->get();
    pool_.post([this, id, socket, identity = context_] { attend(id, socket->get(), *identity); });
    return true;
  }

  void attend(connection_id id, int socket, SSL_CTX& identity) {
    connection here;
    here.id = id;
    served_here() = &here;
    {
      tls_stream stream(socket, stop_.get(), &identity);
      if (stream.handshake(options_.handshake)) {
        here.proven = is_proven(stream.ssl(), options_.clients);
        if (here.proven) note([&] { places_.proved(id); });
        converse(stream, here);
      }
      stream.close();
    }
    served_here() = nullptr;
    note([&] {
      places_.leave(id);
      sockets_.erase(id);
    });
    ::shutdown(socket, SHUT_RDWR);
  }

  template <class F>
  void note(F&& what) {
    std::lock_guard lock(mutex_);
    what();
  }

  void converse(tls_stream& stream, connection& here) {
    auto patience = options_.first_request;
    for (bool last = false; !last && stream.await_request(patience); patience = options_.idle) {
      stream.begin_request(options_.request, options_.max_body_bytes + max_head_bytes);
      bool taken = false;
      bool closed = false;
      bool fine = process_request(stream, false, closed, [&](httplib::Request& request) {
        taken = refusal_of(request, options_.max_body_bytes) == 0;
        request.headers.erase("Accept-Encoding");  // answers are too small to be packed
      });
      // The body of what was not taken is still on its way.
      last = !fine || !taken || closed || here.no_room;
      leave_room(here);
      if (!stream.flush(options_.request)) return;
    }
  }

  /// A large body needs one of a few places.
  bool make_room_for(const httplib::Request& request) {
    if (body_bytes_of(request) <= options_.small_body_bytes) return true;
    auto& here = *served_here();
    std::lock_guard lock(mutex_);
    here.no_room = large_ >= options_.large_bodies;
    here.large = !here.no_room;
    if (here.large) ++large_;
    return here.large;
  }

  void leave_room(connection& here) {
    if (!std::exchange(here.large, false)) return;
    std::lock_guard lock(mutex_);
    --large_;
  }

  void serve(const std::string& path, webhook hook) {
    Post(path, [this, hook = std::move(hook)](const auto& request, auto& response) {
      const auto& here = *served_here();
      note([&] { places_.asked(here.id, clock::now()); });
      auto answer = hook(request.body, {limit_of(request), here.proven});
      note([&] { places_.answered(here.id, clock::now()); });
      if (answer) return response.set_content(*answer, json_type);
      response.status = 400;
      response.set_content(printable(answer.error().message, max_head_bytes) + "\n", plain_type);
    });
  }

  struct waiting {
    net::newcomer who;
    clock::time_point since;
  };

  const webhook_server_options options_;
  const net::listener listener_;
  std::deque<waiting> waiting_;  ///< for a place; the listening thread's own
  const base::fd stop_;
  mutable std::mutex mutex_;
  net::connection_places places_;
  std::map<connection_id, int> sockets_;
  connection_id last_ = 0;
  size_t large_ = 0;
  tls_context context_;
  base::worker_pool pool_;
  std::thread thread_;
};

webhook_server::webhook_server(std::unique_ptr<impl> e) : impl_(std::move(e)) {}
webhook_server::~webhook_server() = default;

result<std::unique_ptr<webhook_server>> webhook_server::start(
    const webhook_server_options& options, std::map<std::string, webhook> paths) {
  auto where = net::parse_listen_address(options.address);
  if (!where) return fail(where.error());
  auto at = net::listener::open(*where, "--webhook-address");
  if (!at) return fail(at.error());
  return std::unique_ptr<webhook_server>(
      new webhook_server(std::make_unique<impl>(options, std::move(*at), std::move(paths))));
}

result<void> webhook_server::use(const serving_identity& identity) {
  auto context = make_tls_context(identity, impl_->clients());
  if (!context) return fail(context.error());
  impl_->set_context(std::move(*context));
  return {};
}

bool webhook_server::can_answer() const { return impl_->can_answer(); }

uint16_t webhook_server::port() const { return impl_->port(); }

}  // namespace gkm::op
