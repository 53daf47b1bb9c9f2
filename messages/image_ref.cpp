#include "messages/image_ref.hpp"

#include "messages/printable.hpp"

#include <algorithm>

namespace gkm {
namespace {

constexpr size_t max_reference_chars = 4'096;
constexpr size_t max_host_chars = 259;  // a DNS name, ':' and a port
constexpr size_t max_repository_chars = 255;
constexpr size_t max_tag_chars = 128;
constexpr std::string_view default_host = "docker.io";

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_lower(c) || is_upper(c) || is_digit(c); }

tl::unexpected<error> bad(std::string_view text, std::string_view cause) {
  return fail(errc::invalid_argument,
              "image reference '" + printable(text) + "' " + std::string(cause));
}

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || !std::all_of(text.begin(), text.end(), is_digit))
    return false;
  int port = 0;
  for (char c : text) port = port * 10 + (c - '0');
  return port >= 1 && port <= 65'535;
}

bool is_dns_name(std::string_view name) {
  constexpr size_t max_label_chars = 63;
  while (true) {
    auto dot = name.find('.');
    auto label = name.substr(0, dot);
    auto fits = [](char c) { return is_alnum(c) || c == '-'; };
    if (label.empty() || label.size() > max_label_chars || label.front() == '-' ||
        label.back() == '-' || !std::all_of(label.begin(), label.end(), fits))
      return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

bool is_ipv6(std::string_view text) {
  constexpr size_t max_ipv6_chars = 45;
  auto fits = [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
  };
  return text.size() >= 2 && text.size() <= max_ipv6_chars &&
         std::count(text.begin(), text.end(), ':') >= 2 &&
         std::all_of(text.begin(), text.end(), fits);
}

bool is_host(std::string_view host) {
  if (host.empty() || host.size() > max_host_chars) return false;
  if (host.front() == '[') {
    auto close = host.find(']');
    if (close == std::string_view::npos || !is_ipv6(host.substr(1, close - 1))) return false;
    auto rest = host.substr(close + 1);
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
  }
  auto colon = host.find(':');
  if (colon != std::string_view::npos && !is_port(host.substr(colon + 1))) return false;
  return is_dns_name(host.substr(0, colon));
}

bool is_tag(std::string_view tag) {
  auto fits = [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; };
  return !tag.empty() && tag.size() <= max_tag_chars && tag.front() != '.' && tag.front() != '-' &&
         std::all_of(tag.begin(), tag.end(), fits);
}

// How long the separator at the start is: one '.', one or two '_', any number of '-'; else none.
size_t separator_chars(std::string_view text) {
  if (text.starts_with("__")) return 2;
  if (text.front() == '.' || text.front() == '_') return 1;
  return std::min(text.find_first_not_of('-'), text.size());
}

bool is_path_component(std::string_view part) {
  auto word = [](char c) { return is_lower(c) || is_digit(c); };
  if (part.empty() || !word(part.front())) return false;
  while (!part.empty()) {
    auto words = std::find_if_not(part.begin(), part.end(), word) - part.begin();
    part.remove_prefix(static_cast<size_t>(words));
    if (part.empty()) return true;
    auto n = separator_chars(part);
    if (n == 0 || n == part.size() || !word(part[n])) return false;
    part.remove_prefix(n);
  }
  return true;
}

bool is_repository(std::string_view path) {
  while (true) {
    auto slash = path.find('/');
    if (!is_path_component(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

// Splits "@digest" off the end of `rest`.
result<digest> take_digest(std::string_view& rest, std::string_view text) {
  auto at = rest.rfind('@');
  if (at == std::string_view::npos) return digest{};
  auto parsed = digest::parse(rest.substr(at + 1));
  if (!parsed)
    return bad(text, "has after '@' no digest of the form 'sha256:' and 64 lower-case hex digits");
  rest = rest.substr(0, at);
  return *parsed;
}

// Splits ":tag" off the end of `rest`; a ':' before a '/' belongs to a port or a directory.
result<std::string> take_tag(std::string_view& rest, std::string_view text) {
  auto colon = rest.rfind(':');
  auto slash = rest.rfind('/');
  if (colon == std::string_view::npos || (slash != std::string_view::npos && slash > colon))
    return std::string();
  auto tag = rest.substr(colon + 1);
  if (!is_tag(tag))
    return bad(text, "has a tag that is not 1 to 128 letters, digits, '_', '.' or '-'");
  rest = rest.substr(0, colon);
  return std::string(tag);
}

result<image_ref> parse_layout(std::string_view text, std::string_view rest) {
  image_ref ref;
  // A directory may hold an '@': only what looks like a digest is taken for one.
  if (auto at = rest.rfind('@');
      at != std::string_view::npos && rest.substr(at + 1).starts_with("sha256:")) {
    auto pinned = take_digest(rest, text);
    if (!pinned) return fail(pinned.error());
    ref.pinned = *pinned;
  }
  auto tag = take_tag(rest, text);
  if (!tag) return fail(tag.error());
  if (rest.empty()) return bad(text, "names no directory after 'oci:'");
  ref.repository = std::string(rest);
  ref.tag = *tag;
  return ref;
}

// Takes the host off the front of `rest`, by the rule that docker made: it has a '.' or ':', or is
// "localhost".
result<std::string> take_host(std::string_view& rest, std::string_view text) {
  auto slash = rest.find('/');
  auto first = rest.substr(0, slash);
  std::string host(first);
  std::transform(host.begin(), host.end(), host.begin(),
                 [](char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; });
  if (slash == std::string_view::npos ||
      (first.find_first_of(".:[") == std::string_view::npos && host != "localhost"))
    return std::string(default_host);
  if (!is_host(first))
    return bad(text, "has '" + printable(first, 64) + "' where a host[:port] goes");
  rest.remove_prefix(slash + 1);
  if (host == "index.docker.io" || host == "registry-1.docker.io") return std::string(default_host);
  return host;
}

result<image_ref> parse_remote(std::string_view text, std::string_view rest) {
  if (text.starts_with('/') || text.starts_with('.') || text.starts_with('~'))
    return bad(text, "looks like a path: an OCI layout on disk is named 'oci:PATH:TAG'");
  image_ref ref;
  auto pinned = take_digest(rest, text);
  if (!pinned) return fail(pinned.error());
  auto tag = take_tag(rest, text);
  if (!tag) return fail(tag.error());
  auto host = take_host(rest, text);
  if (!host) return fail(host.error());
  if (!is_repository(rest)) {
    if (std::any_of(rest.begin(), rest.end(), is_upper))
      return bad(text, "has a repository name with upper-case letters: it must be lower-case");
    return bad(text,
               "has no valid repository name: components of lower-case letters and digits, "
               "separated by '/', with single '.', '_' or '-' inside");
  }
  ref.host = *host;
  ref.repository = std::string(rest);
  if (ref.host == default_host && rest.find('/') == std::string_view::npos)
    ref.repository = "library/" + ref.repository;
  // Of the whole name: else the text form of what is taken here would be refused.
  if (ref.repository.size() > max_repository_chars)
    return bad(text, "has a repository name of more than 255 characters");
  ref.tag = tag->empty() && pinned->empty() ? "latest" : *tag;
  ref.pinned = *pinned;
  return ref;
}

}  // namespace

result<image_ref> image_ref::parse(std::string_view text) {
  constexpr std::string_view layout_prefix = "oci:";
  constexpr std::string_view docker_prefix = "docker://";
  if (text.empty()) return fail(errc::invalid_argument, "image reference is empty");
  if (text.size() > max_reference_chars) return bad(text, "has more than 4096 characters");
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }))
    return bad(text, "has control characters");
  if (text.starts_with(layout_prefix)) return parse_layout(text, text.substr(layout_prefix.size()));
  auto rest = text;
  if (rest.starts_with(docker_prefix)) rest.remove_prefix(docker_prefix.size());
  if (rest.find("://") != std::string_view::npos)
    return bad(text, "is a URL: write host/repository:tag, without a scheme");
  return parse_remote(text, rest);
}

std::string image_ref::str() const {
  std::string text = is_layout() ? "oci:" + repository : host + "/" + repository;
  if (!tag.empty()) text += ":" + tag;
  if (!pinned.empty()) text += "@" + pinned.str();
  return text;
}

}  // namespace gkm
