#include "oci/extract/extract.hpp"

#include "oci/extract/layer_stream.hpp"
#include "oci/extract/unpacker.hpp"

#include <exception>
#include <optional>

namespace gkm::oci {
namespace {

// How often progress is told.
constexpr uint64_t report_step_bytes = 1 << 20;

/// What a layer adds to `before_bytes` of the image, told in steps.
std::function<void(uint64_t)> layer_progress(const progress& report, uint64_t before_bytes,
                                             uint64_t layer_bytes, uint64_t total_bytes) {
  if (!report) return {};
  return [=, told = uint64_t{0}](uint64_t done) mutable {
    if (done < told + report_step_bytes && done != layer_bytes) return;
    told = done;
    report(before_bytes + done, total_bytes);
  };
}

result<void> extract_layer(source& from, layer_request what, unpacker& to, std::stop_token stop) {
  layer_stream layer(from, std::move(what), stop);
  auto unpacked = to.unpack(layer);
  if (unpacked || unpacked.error().code == errc::malformed) {
    // Damaged bytes look like anything: the digest speaks first.
    if (auto v = layer.verdict(unpacked.has_value()); !v) unpacked = v;
  }
  // A stop ends the stream early, which may look like anything, even like the end.
  if (stop.stop_requested()) return fail(errc::cancelled, "the transfer was stopped");
  return unpacked;
}

result<extracted> extract_layers(source& from, const resolved_image& image, unpacker& to,
                                 const progress& report, const std::stop_token& stop) {
  const auto& layers = image.content.layers;
  const auto& diff_ids = image.config.diff_ids;
  if (!diff_ids.empty() && diff_ids.size() != layers.size())
    return fail(errc::malformed, "the manifest has " + std::to_string(layers.size()) +
                                     " layers, the image config " +
                                     std::to_string(diff_ids.size()) + " diff_ids");
  uint64_t done_bytes = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (!is_archive_type(layers[i].media_type)) {
      to.note_other_layer(layers[i].media_type);
      continue;
    }
    layer_request what{image.ref, layers[i], std::nullopt, to.stream_allowance(),
                       layer_progress(report, done_bytes, layers[i].size_bytes, image.layer_bytes)};
    if (!diff_ids.empty()) what.diff_id = diff_ids[i];
    if (auto r = extract_layer(from, std::move(what), to, stop); !r)
      return wrap(r.error(), "layer " + std::to_string(i + 1) + " of " +
                                 std::to_string(layers.size()) + " '" + layers[i].content.str() +
                                 "'");
    done_bytes += layers[i].size_bytes;
  }
  return to.finish();
}

}  // namespace

result<extracted> extract(source& from, const resolved_image& image,
                          const std::filesystem::path& dir, const extract_limits& limits,
                          base::file_observer* observer, const progress& report,
                          std::stop_token stop, disk_meter* meter) {
  auto step = "Failed to extract '" + image.ref.str() + "'";
  try {
    auto writer = tree_writer::open(dir, limits.open_to_all, meter);
    if (!writer) return wrap(writer.error(), step);
    unpacker to(std::move(*writer), limits, observer);
    auto done = extract_layers(from, image, to, report, stop);
    if (!done) return wrap(done.error(), step);
    return done;
  } catch (const std::exception& e) {
    return fail(errc::internal, step + ": " + e.what());
  }
}

}  // namespace gkm::oci
