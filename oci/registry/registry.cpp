#include "oci/registry/registry.hpp"

#include "base/sha256.hpp"
#include "messages/printable.hpp"
#include "oci/json.hpp"
#include "oci/registry/registry_blob.hpp"
#include "oci/registry/registry_client.hpp"

#include <algorithm>

namespace gkm::oci {
namespace {

// The type alone: "application/json; charset=utf-8" is "application/json".
std::string media_type_of(const net::response_head& head) {
  auto text = head.header("content-type");
  text.resize(std::min(text.find_first_of("; \t"), text.size()));
  return text;
}

/// What is asked for by a tag is vouched for by no digest: a page of HTML, half a document or an
/// error object comes from whatever stands between, and passes.
bool may_be_manifest(std::string_view bytes) {
  rapidjson::Document document;
  if (!json::parse(bytes, "manifest", document)) return false;
  for (std::string_view field : {"schemaVersion", "mediaType", "manifests", "layers", "fsLayers"})
    if (json::find(document, field)) return true;
  return false;
}

attempt<std::string> read_all(net::body_stream& body, size_t max_bytes,
                              const std::string& subject) {
  std::string bytes;
  for (;;) {
    auto next = body.next();
    if (!next) return from_engine(next.error());
    if (next->empty()) return bytes;
    if (next->size() > max_bytes - bytes.size())
      return give_up(
          {errc::limit_exceeded,
           subject + " has a manifest of more than " + std::to_string(max_bytes) + " bytes",
           {}});
    bytes.append(reinterpret_cast<const char*>(next->data()), next->size());
  }
}

class registry_source : public source {
public:
  registry_source(net::engine& http, credential_store credentials, const registry_options& options)
      : client_(std::make_shared<registry_client>(http, std::move(credentials), options)) {}

  result<fetched_manifest> manifest(const image_ref& ref, std::stop_token stop) override {
    if (auto ok = check(ref); !ok) return fail(ok.error());
    return retrying(client_->retries(), stop, [&] { return manifest_once(ref, stop); });
  }

  result<std::unique_ptr<base::byte_stream>> blob(const image_ref& ref, const descriptor& what,
                                                  std::stop_token stop) override {
    if (auto ok = check(ref); !ok) return fail(ok.error());
    return open_registry_blob(client_, ref, what, std::move(stop));
  }

  /// Not every registry knows HEAD, and some answer it wrongly: what it does not confirm is asked
  /// for with one byte.
  result<bool> has_blob(const image_ref& ref, const descriptor& what,
                        std::stop_token stop) override {
    if (auto ok = check(ref); !ok) return fail(ok.error());
    auto head = blob_question(ref, what);
    head.method = "HEAD";
    if (client_->ask(head, stop)) return true;
    auto first = blob_question(ref, what);
    first.first_byte = true;
    auto got = retrying(client_->retries(), stop, [&] { return client_->ask(first, stop); });
    if (got) return true;
    auto code = got.error().code;
    if (code == errc::unavailable || code == errc::cancelled) return fail(got.error());
    return false;
  }

private:
  static result<void> check(const image_ref& ref) {
    if (!ref.is_layout()) return {};
    return fail(errc::invalid_argument,
                "'" + printable(ref.str()) + "' is an OCI layout, not an image in a registry");
  }

  attempt<fetched_manifest> manifest_once(const image_ref& ref, const std::stop_token& stop) {
    question what;
    what.ref = ref;
    what.path = "manifests/" + ref.reference();
    what.accept = accepted_manifest_types();
    what.subject = "image '" + ref.str() + "'";
    what.remedy =
        ref.pinned.empty() ? "check the name and the tag" : "check the name and the digest";
    auto body = client_->ask(what, stop);
    if (!body) return tl::unexpected<failure>(body.error());
    auto bytes = read_all(**body, max_manifest_bytes, what.subject);
    if (!bytes) return tl::unexpected<failure>(bytes.error());
    const auto& head = (*body)->head();
    fetched_manifest out{std::move(*bytes), media_type_of(head), {}};
    out.content = base::sha256::of(out.bytes);
    auto stated = head.header("docker-content-digest");
    if (ref.pinned.empty() && !may_be_manifest(out.bytes))
      return tl::unexpected<failure>(failure{
          {errc::unavailable,
           what.subject + " was answered with " + std::to_string(out.bytes.size()) +
               " bytes of type '" + printable(out.media_type, 60) +
               "' that are no manifest: a proxy or gateway may have answered for the registry",
           {}},
          true});
    for (const auto& expected : {ref.pinned.str(), stated.starts_with("sha256:") ? stated : ""})
      if (!expected.empty() && expected != out.content.str())
        return give_up({errc::corrupt,
                        what.subject + " has a manifest with digest '" + out.content.str() +
                            "' where '" + printable(expected, 80) + "' was expected",
                        {}});
    return out;
  }

  const std::shared_ptr<registry_client> client_;
};

class either_source : public source {
public:
  either_source(std::unique_ptr<source> registry, std::unique_ptr<source> layout)
      : registry_(std::move(registry)), layout_(std::move(layout)) {}

  result<fetched_manifest> manifest(const image_ref& ref, std::stop_token stop) override {
    return of(ref).manifest(ref, std::move(stop));
  }
  result<std::unique_ptr<base::byte_stream>> blob(const image_ref& ref, const descriptor& what,
                                                  std::stop_token stop) override {
    return of(ref).blob(ref, what, std::move(stop));
  }
  result<bool> has_blob(const image_ref& ref, const descriptor& what,
                        std::stop_token stop) override {
    return of(ref).has_blob(ref, what, std::move(stop));
  }

private:
  source& of(const image_ref& ref) { return ref.is_layout() ? *layout_ : *registry_; }

  const std::unique_ptr<source> registry_;
  const std::unique_ptr<source> layout_;
};

}  // namespace

std::unique_ptr<source> make_registry_source(net::engine& http, credential_store credentials,
                                             registry_options options) {
  return std::make_unique<registry_source>(http, std::move(credentials), options);
}

std::unique_ptr<source> make_source(net::engine& http, credential_store credentials,
                                    registry_options options) {
  return std::make_unique<either_source>(
      make_registry_source(http, std::move(credentials), std::move(options)), make_layout_source());
}

}  // namespace gkm::oci
