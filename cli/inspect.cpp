#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/images.hpp"
#include "cli/interrupt.hpp"
#include "cli/output/field_list.hpp"
#include "cli/output/printing.hpp"
#include "cli/output/table.hpp"
#include "gpus/kernels/targets.hpp"
#include "gpus/match.hpp"
#include "oci/resolve.hpp"
#include "relocation/scan.hpp"

#include <filesystem>
#include <iostream>

namespace gkm::cli {
namespace {

void add_verdict(field_list& s, const options& o, const std::vector<target>& targets) {
  if (auto here = find_inventory(o))
    s.line("GPUs here", "gpus", gpus::match(targets, here->gpus).summary());
}

// What the kernels themselves tell.
void add_kernels(field_list& s, const options& o, const gpus::target_report& report) {
  std::vector<std::string> counts;
  for (const auto& [name, kernels] : report.kernels)
    counts.push_back(name + ", " + std::to_string(kernels) +
                     (kernels == 1 ? " kernel" : " kernels"));
  if (counts.empty()) counts.push_back("unknown: no kernel tells what it was built for");
  s.list("Target", "targets", target_names(report.targets), counts);
  s.number("Kernels", "kernels", report.kernel_count, std::to_string(report.kernel_count));
  add_verdict(s, o, report.targets);
}

result<int> inspect_file(const options& o, const std::string& file) {
  auto report = gpus::scan_file(file);
  if (!report) return fail(report.error());
  field_list s;
  s.line("File", "file", std::filesystem::absolute(file).lexically_normal().string());
  add_kernels(s, o, *report);
  s.list("Problem", "problems", report->problems);
  s.print(o.format);
  return success;
}

std::string foreign_paths(uint64_t files) {
  if (files == 0) return "none";
  return std::to_string(files) + (files == 1 ? " file names" : " files name") +
         " the place where the cache was made";
}

result<int> inspect_directory(const options& o, const std::string& dir) {
  auto report = gpus::scan_directory(dir);
  if (!report) return fail(report.error());
  auto home = std::filesystem::absolute(dir).lexically_normal();
  if (!home.has_filename()) home = home.parent_path();
  auto index = relocation::find_index_files(home);
  if (!index) return fail(index.error());
  auto foreign = relocation::scan(
      home, *index, [](std::string_view) { return result<void>(); }, {}, home.string());
  if (!foreign) return fail(foreign.error());
  field_list s;
  s.line("Directory", "directory", home.string());
  add_kernels(s, o, *report);
  s.number("Foreign paths", "relocatedFiles", foreign->files, foreign_paths(foreign->files));
  auto problems = report->problems;
  problems.insert(problems.end(), foreign->problems.begin(), foreign->problems.end());
  s.list("Problem", "problems", problems);
  s.print(o.format);
  return success;
}

result<int> inspect_image(const options& o, const image_ref& ref) {
  interrupt stop;
  auto opened = images::open(o);
  if (!opened) return fail(opened.error());
  auto found = oci::resolve(opened->source(), ref, nullptr, stop.token());
  if (!found) return wrap(found.error(), "Failed to inspect '" + ref.str() + "'");
  field_list s;
  s.line("Image", "image", ref.str());
  s.line("Digest", "digest", found->manifest_digest.str());
  if (found->resolved != found->manifest_digest) s.line("Index", "index", found->resolved.str());
  s.line("Type", "type", found->hints.cache_type.empty() ? "unknown" : found->hints.cache_type);
  s.number("Layers", "layers", found->content.layers.size(),
           std::to_string(found->content.layers.size()) + ", " + human_bytes(found->layer_bytes));
  if (found->hints.size_bytes)
    s.number("Unpacked", "unpackedBytes", *found->hints.size_bytes,
             human_bytes(*found->hints.size_bytes));
  if (found->hints.entry_count)
    s.number("Entries", "entries", *found->hints.entry_count,
             std::to_string(*found->hints.entry_count));
  auto names = target_names(found->hints.targets);
  auto shown = names;
  if (shown.empty()) shown.push_back("unknown: no label says it, the kernels will tell");
  s.list("Target (label)", "labelTargets", names, shown);
  if (!found->hints.targets.empty()) add_verdict(s, o, found->hints.targets);
  if (!found->hints.problem.empty()) s.line("Problem", "problem", found->hints.problem);
  s.print(o.format);
  return success;
}

// Such names are never meant as images of docker.io.
bool is_path(const std::string& what) {
  if (what.starts_with('/') || what.starts_with("./") || what.starts_with("../")) return true;
  auto suffix = std::filesystem::path(what).extension();
  return suffix == ".cubin" || suffix == ".hsaco" || suffix == ".co";
}

}  // namespace

result<int> inspect(const options& o, const std::string& what) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  auto status = fs::status(what, ignored);
  bool is_layout = fs::is_directory(status) && fs::is_regular_file(what + "/oci-layout", ignored);
  if (fs::is_directory(status) && !is_layout) return inspect_directory(o, what);
  if (fs::exists(status) && !is_layout) return inspect_file(o, what);
  if (is_path(what) && !is_layout)
    return fail(errc::not_found, "there is no file or directory '" + what + "'");
  auto ref = image_ref::parse(is_layout ? "oci:" + what : what);
  if (!ref)
    return wrap(ref.error(), "'" + what + "' is no file, no directory and no image reference");
  return inspect_image(o, *ref);
}

}  // namespace gkm::cli
