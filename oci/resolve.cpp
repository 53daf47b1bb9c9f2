#include "oci/resolve.hpp"

#include "base/sha256.hpp"
#include "messages/printable.hpp"

#include <algorithm>
#include <optional>

namespace gkm::oci {
namespace {

constexpr size_t max_inspected = 32;  // manifests of one index that are fetched for their labels
constexpr size_t max_nested_indexes = 4;  // indexes in one index that are looked into
constexpr size_t max_offers_named = 8;

bool is_image_config_type(std::string_view media_type) {
  return media_type == "application/vnd.oci.image.config.v1+json" ||
         media_type == "application/vnd.docker.container.image.v1+json";
}

image_ref pinned_to(image_ref ref, const digest& content) {
  ref.pinned = content;
  return ref;
}

bool is_attestation(const index_entry& entry) {
  if (entry.what.annotations.contains("vnd.docker.reference.type")) return true;
  return entry.runs_on && entry.runs_on->os == "unknown" &&
         entry.runs_on->architecture == "unknown";
}

/// The rule for an image alone: its config may leave the platform open, as artifacts do.
bool fits_host(const image_config& config) {
  return config.runs_on.os.empty() || config.runs_on.architecture.empty() ||
         is_host_platform(config.runs_on);
}

std::string name_of(const platform& p) { return p.os + "/" + p.architecture; }

/// How much a manifest looks like a cache's image: charts, signatures, SBOMs and other artifacts
/// stand beside images in an index, and carry no platform either.
enum class likeness : uint8_t { none, archive, image, labelled };

likeness likeness_of(const resolved_image& image) {
  if (!image.hints.cache_type.empty() || !image.hints.targets.empty()) return likeness::labelled;
  const auto& layers = image.content.layers;
  if (is_image_config_type(image.content.config.media_type) ||
      std::any_of(layers.begin(), layers.end(),
                  [](const descriptor& d) { return is_image_layer_type(d.media_type); }))
    return likeness::image;
  bool archive = std::any_of(layers.begin(), layers.end(),
                             [](const descriptor& d) { return is_archive_type(d.media_type); });
  return archive ? likeness::archive : likeness::none;
}

std::string targets_text(const std::vector<target>& targets) {
  std::string out;
  for (size_t i = 0; i < targets.size(); ++i) {
    if (i == max_offers_named) return out + ", ...";
    out += (i ? ", " : "") + targets[i].backend + " " + targets[i].arch;
  }
  return out;
}

/// Finds the one manifest that an index holds for us.
class resolver {
public:
  resolver(source& from, const image_ref& ref, const target_filter& fits, std::stop_token stop)
      : from_(from), ref_(ref), fits_(fits), stop_(std::move(stop)) {}

  result<resolved_image> run() {
    auto top = fetch(ref_);
    if (!top) return fail(top.error());
    auto list = is_index(top->bytes, top->media_type);
    if (!list) return named(list.error());
    auto image = *list ? pick(top->bytes) : read_image(*top, {});
    if (image && !fits_host(image->config)) {
      offer(name_of(image->config.runs_on));
      return nothing_fits();
    }
    if (image) image->resolved = top->content;
    return image;
  }

private:
  tl::unexpected<error> named(const error& e) const {
    return wrap(e, "Image '" + ref_.str() + "'");
  }

  // Sources verify; that what runs on a GPU has the digest asked for is worth a second look.
  result<fetched_manifest> fetch(const image_ref& ref) {
    auto got = from_.manifest(ref, stop_);
    if (!got) return got;
    got->content = base::sha256::of(got->bytes);
    if (!ref.pinned.empty() && got->content != ref.pinned)
      return fail(errc::corrupt,
                  "manifest of '" + ref.str() + "' has digest '" + got->content.str() + "'");
    return got;
  }

  result<resolved_image> read_image(const fetched_manifest& from,
                                    const std::map<std::string, std::string>& entry_annotations) {
    resolved_image out;
    out.ref = ref_;
    out.resolved = out.manifest_digest = from.content;
    auto content = parse_manifest(from.bytes);
    if (!content) return named(content.error());
    out.content = std::move(*content);
    for (const auto& layer : out.content.layers)
      if (is_archive_type(layer.media_type)) out.layer_bytes += layer.size_bytes;
    if (is_image_config_type(out.content.config.media_type))
      if (auto ok = read_config(out); !ok) return fail(ok.error());
    auto annotations = out.content.annotations;
    annotations.insert(entry_annotations.begin(), entry_annotations.end());
    out.hints = read_hints(out.config.labels, annotations);
    return out;
  }

  result<void> read_config(resolved_image& out) {
    auto bytes = read_blob(from_, pinned_to(ref_, out.manifest_digest), out.content.config,
                           max_config_bytes, stop_);
    if (!bytes) return fail(bytes.error());
    auto config = parse_image_config(*bytes);
    if (!config) return named(config.error());
    // Tools for artifacts write none: the layers' own digests vouch for them all the same.
    if (!config->diff_ids.empty() && config->diff_ids.size() != out.content.layers.size())
      return named({errc::malformed,
                    "its config has " + std::to_string(config->diff_ids.size()) + " diff_ids for " +
                        std::to_string(out.content.layers.size()) + " layers",
                    {}});
    out.config = std::move(*config);
    return {};
  }

  // The entries that could be for us, those of nested indexes in their place.
  result<std::vector<index_entry>> candidates(const std::string& bytes, bool nested) {
    auto list = parse_index(bytes);
    if (!list) return named(list.error());
    std::vector<index_entry> out;
    size_t looked_into = 0;
    for (auto& entry : list->entries) {
      if (is_attestation(entry)) continue;
      if (entry.runs_on && !is_host_platform(*entry.runs_on)) {
        offer(name_of(*entry.runs_on));
        continue;
      }
      if (!is_index_type(entry.what.media_type)) {
        out.push_back(std::move(entry));
        continue;
      }
      if (nested || ++looked_into > max_nested_indexes) continue;
      auto inner = inner_candidates(entry.what);
      if (!inner) return inner;
      std::move(inner->begin(), inner->end(), std::back_inserter(out));
    }
    return out;
  }

  result<std::vector<index_entry>> inner_candidates(const descriptor& what) {
    auto got = fetch_entry(what);
    if (!got) return fail(got.error());
    if (!*got) return std::vector<index_entry>();
    return candidates((*got)->bytes, true);
  }

  // Nothing if the source does not have it: copies of an index are often incomplete.
  result<std::optional<fetched_manifest>> fetch_entry(const descriptor& what) {
    auto got = fetch(pinned_to(ref_, what.content));
    if (got) return std::move(*got);
    if (got.error().code != errc::not_found) return fail(got.error());
    missing_ = got.error();
    return std::nullopt;
  }

  result<resolved_image> pick(const std::string& bytes) {
    auto entries = candidates(bytes, false);
    if (!entries) return fail(entries.error());
    std::optional<resolved_image> unclear;
    auto unclear_is = likeness::none;
    size_t inspected = 0;
    for (const auto& entry : *entries) {
      if (declines(entry)) continue;
      if (++inspected > max_inspected) break;
      auto got = fetch_entry(entry.what);
      if (!got) return fail(got.error());
      if (!*got) continue;
      auto image = read_image(**got, entry.what.annotations);
      if (!image && !is_permanent(image.error().code)) return image;
      if (!image) {
        missing_ = image.error();  // no image: what stands beside it may be one
        continue;
      }
      if (!fits_host(image->config)) {
        offer(name_of(image->config.runs_on));
        continue;
      }
      auto alike = likeness_of(*image);
      if (fits_ && !image->hints.targets.empty() && fits_(image->hints.targets)) return image;
      if (fits_ && claims(image->hints)) {
        offer(targets_text(image->hints.targets));
        continue;
      }
      if (!fits_ && alike >= likeness::image) return image;
      if (unclear && alike <= unclear_is) continue;
      unclear = std::move(*image);
      unclear_is = alike;
    }
    if (unclear) return std::move(*unclear);
    return nothing_fits();
  }

  // Half a claim is none: what could not be read may have been for us.
  static bool claims(const cache_hints& hints) {
    return !hints.targets.empty() && hints.problem.empty();
  }

  // True if the index itself says enough to leave the entry alone.
  bool declines(const index_entry& entry) {
    if (!fits_) return false;
    auto hints = read_hints({}, entry.what.annotations);
    if (!claims(hints) || fits_(hints.targets)) return false;
    offer(targets_text(hints.targets));
    return true;
  }

  void offer(const std::string& text) {
    auto shown = printable(text, 80);
    if (std::find(offers_.begin(), offers_.end(), shown) == offers_.end() &&
        offers_.size() <= max_offers_named)
      offers_.push_back(std::move(shown));
  }

  tl::unexpected<error> nothing_fits() const {
    if (offers_.empty() && missing_) return fail(*missing_);
    std::string list;
    for (size_t i = 0; i < offers_.size(); ++i)
      list += (i ? ", " : "") + (i == max_offers_named ? "..." : offers_[i]);
    auto host = host_platform();
    return fail(errc::incompatible,
                "image '" + ref_.str() + "' has nothing for this node (" + host.os + "/" +
                    host.architecture +
                    " and its GPUs), it offers: " + (list.empty() ? "nothing" : list));
  }

  source& from_;
  const image_ref& ref_;
  const target_filter& fits_;
  const std::stop_token stop_;
  std::vector<std::string> offers_;
  std::optional<error> missing_;
};

}  // namespace

platform host_platform() {
#if defined(__x86_64__)
  return {"linux", "amd64", ""};
#elif defined(__aarch64__)
  return {"linux", "arm64", ""};
#else
#error "say how images name this architecture"
#endif
}

bool is_host_platform(const platform& p) {
  auto host = host_platform();
  return p.os == host.os && p.architecture == host.architecture;
}

result<resolved_image> resolve(source& from, const image_ref& ref, const target_filter& fits,
                               std::stop_token stop) {
  return resolver(from, ref, fits, std::move(stop)).run();
}

}  // namespace gkm::oci
