#include "net/probe_server.hpp"

#include "net/listen_address.hpp"

#include <httplib.h>

#include <thread>

namespace gkm::net {
namespace {

constexpr size_t threads = 2;
constexpr size_t request_bytes_max = 4096;
constexpr time_t patience_s = 5;
constexpr const char* plain = "text/plain; charset=utf-8";
constexpr const char* prometheus_text = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace

struct probe_server::engine {
  httplib::Server server;
  std::thread thread;
  int port = 0;
};

probe_server::probe_server(std::unique_ptr<engine> e) : engine_(std::move(e)) {}

result<std::unique_ptr<probe_server>> probe_server::start(const std::string& address,
                                                          probe_answers answers) {
  auto where = parse_listen_address(address);
  if (!where) return fail(where.error());
  auto e = std::make_unique<engine>();
  auto& server = e->server;
  server.new_task_queue = [] { return new httplib::ThreadPool(threads); };
  server.set_payload_max_length(request_bytes_max);
  server.set_read_timeout(patience_s);
  server.set_write_timeout(patience_s);
  server.set_keep_alive_timeout(patience_s);
  server.Get("/healthz",
             [](const httplib::Request&, httplib::Response& r) { r.set_content("ok\n", plain); });
  server.Get("/readyz", [answers](const httplib::Request&, httplib::Response& r) {
    bool ready = answers.ready();
    if (!ready) r.status = 503;
    r.set_content(ready ? "ok\n" : "the view of the cluster is not complete\n", plain);
  });
  server.Get("/metrics", [answers](const httplib::Request&, httplib::Response& r) {
    r.set_content(answers.metrics(), prometheus_text);
  });
  e->port = where->port == 0                                ? server.bind_to_any_port(where->host)
            : server.bind_to_port(where->host, where->port) ? where->port
                                                            : -1;
  if (e->port < 0)
    return fail(errc::io,
                "Failed to listen on '" + address +
                    "': the port is taken, or there is no "
                    "such address; choose another with --metrics-address, --health-address");
  e->thread = std::thread([server = &e->server] { server->listen_after_bind(); });
  return std::unique_ptr<probe_server>(new probe_server(std::move(e)));
}

probe_server::~probe_server() {
  // A stop before the loop has begun would be overlooked.
  while (!engine_->server.is_running()) std::this_thread::yield();
  engine_->server.stop();
  engine_->thread.join();
}

uint16_t probe_server::port() const { return static_cast<uint16_t>(engine_->port); }

}  // namespace gkm::net
