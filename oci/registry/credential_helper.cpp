#include "oci/registry/credential_helper.hpp"

#include "base/program/program.hpp"
#include "messages/printable.hpp"
#include "oci/json.hpp"

#include <algorithm>

namespace gkm::oci {
namespace {

constexpr size_t max_name_chars = 64;
constexpr size_t max_server_bytes = 1'024;

result<base::program_end> run_helper(const std::string& program, const std::string& input) {
  base::program what{program, {"get"}};
  what.input = input;
  auto end = base::run_program(what);
  if (end) return end;
  auto why = end.error();
  if (why.code == errc::not_found) {
    why.message += ": install it in PATH, or take it out of the registry configuration file";
  }
  return wrap(why, "Failed to run credential helper '" + program + "'");
}

result<std::optional<credential>> read_answer(const std::string& output,
                                              const std::string& program) {
  auto step = "Failed to read the answer of credential helper '" + program + "': ";
  rapidjson::Document document;
  if (auto ok = json::parse(output, "the answer", document); !ok)
    return fail(errc::unauthorized, step + ok.error().message);
  auto username = json::text(document, "Username", "");
  auto secret = json::text(document, "Secret", "");
  if (!username) return fail(errc::unauthorized, step + username.error().message);
  if (!secret) return fail(errc::unauthorized, step + secret.error().message);
  if (secret->empty()) return std::nullopt;
  if (*username == "<token>") return credential{{}, {}, std::move(*secret)};
  return credential{std::move(*username), std::move(*secret), {}};
}

}  // namespace

bool is_helper_name(std::string_view name) {
  auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  };
  return !name.empty() && name.size() <= max_name_chars &&
         std::all_of(name.begin(), name.end(), fits);
}

result<std::optional<credential>> ask_credential_helper(const std::string& name,
                                                        const std::string& server) {
  if (!is_helper_name(name))
    return fail(errc::invalid_argument, "credential helper '" + printable(name, 64) +
                                            "' is not a name of a-z, 0-9, '_', '.' and '-'");
  if (server.size() > max_server_bytes)
    return fail(errc::invalid_argument, "registry '" + printable(server, 64) + "...' is too long");
  auto program = "docker-credential-" + name;
  auto run = run_helper(program, server);
  if (!run) return fail(run.error());
  if (run->exit_code == 0) return read_answer(run->output, program);
  if (run->output.find("credentials not found") != std::string::npos) return std::nullopt;
  return fail(errc::unauthorized, "credential helper '" + program + "' failed for '" +
                                      printable(server) + "': run 'echo " + printable(server) +
                                      " | " + program + " get' to see why");
}

}  // namespace gkm::oci
