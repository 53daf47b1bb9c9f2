#include "gpus/kernels/targets.hpp"

#include "gpus/kernels/file_kind.hpp"
#include "gpus/kernels/image_capture.hpp"
#include "gpus/kernels/image_search.hpp"
#include "gpus/kernels/kernel_directory.hpp"
#include "gpus/kernels/kernel_text.hpp"
#include "gpus/kernels/target_tally.hpp"
#include "gpus/quote.hpp"

#include <algorithm>
#include <optional>

namespace gkm::gpus {
namespace {

constexpr std::byte elf_magic_begin{0x7f};

// https://clang.llvm.org/docs/ClangOffloadBundler.html#compression-and-decompression
constexpr std::string_view compressed_bundle_magic = "CCOB";

}  // namespace

struct target_scanner::impl {
  target_tally tally;
  kernel_directory directory{""};

  // The file at hand.
  std::string path;
  std::string name;
  file_kind kind = file_kind::irrelevant;
  uint64_t seen_bytes = 0;
  std::string text;                     // of JSON and PTX
  std::optional<image_capture> kernel;  // of a .cubin or .hsaco that is one ELF image
  std::optional<image_search> search;   // of everything else
  bool found_image = false;             // by the search
  std::string head;                     // the first bytes, as many as a magic has

  void begin(std::string_view whole_path);
  void data(std::span<const std::byte> bytes);
  void end();
  bool wants_data() const;

private:
  size_t text_limit() const;
  void begin_search();
  void problem(std::string_view what) {
    tally.add_problem(in_quotes(path) + " " + std::string(what));
  }
  void end_kernel();
  void end_json();
  void end_search();
};

void target_scanner::impl::begin(std::string_view whole_path) {
  path = whole_path;
  const auto slash = whole_path.rfind('/');
  name = slash == whole_path.npos ? whole_path : whole_path.substr(slash + 1);
  const auto parent = whole_path.substr(0, slash == whole_path.npos ? 0 : slash);
  if (parent != directory.path()) {
    directory.settle(tally);
    directory = kernel_directory(std::string(parent));
  }
  kind = kind_of(name);
  kernel.reset();
  search.reset();
  seen_bytes = 0;
  head.clear();
  text.clear();
  if (kind == file_kind::kernel) kernel.emplace();
  if (kind == file_kind::other) begin_search();
}

void target_scanner::impl::begin_search() {
  found_image = false;
  search.emplace([this](const found_kernel& found) {
    found_image = true;
    if (found.info.problem.empty())
      tally.add_image(found.info.built_for);
    else
      problem("holds a kernel of " + found.info.problem);
  });
}

size_t target_scanner::impl::text_limit() const {
  return kind == file_kind::ptx ? max_ptx_bytes : max_kernel_json_bytes + 1;
}

bool target_scanner::impl::wants_data() const {
  switch (kind) {
    case file_kind::irrelevant:
      return false;
    case file_kind::kernel_json:
    case file_kind::ptx:
      return text.size() < text_limit();
    case file_kind::kernel:
    case file_kind::other:
      return true;
  }
  return false;
}

void target_scanner::impl::data(std::span<const std::byte> bytes) {
  if (kernel && seen_bytes == 0 && !bytes.empty() && bytes.front() != elf_magic_begin) {
    // hipcc and clang write fat binaries and offload bundles under the same names.
    kernel.reset();
    begin_search();
  }
  head.append(reinterpret_cast<const char*>(bytes.data()),
              std::min(bytes.size(), compressed_bundle_magic.size() - head.size()));
  seen_bytes += bytes.size();
  if (!wants_data()) return;
  if (kernel) return kernel->feed(bytes);
  if (search) return search->feed(bytes);
  const auto n = std::min(bytes.size(), text_limit() - text.size());
  text.append(reinterpret_cast<const char*>(bytes.data()), n);
}

void target_scanner::impl::end() {
  if (kernel) end_kernel();
  if (search) end_search();
  if (kind == file_kind::kernel_json) end_json();
  if (kind == file_kind::ptx)
    if (auto arch = read_ptx_target(text)) directory.add_ptx(stem_of(name), *arch);
  kernel.reset();
  search.reset();
  text = {};
  kind = file_kind::irrelevant;
}

void target_scanner::impl::end_kernel() {
  kernel->finish();
  const auto& found = kernel->kernel();
  if (!found) return problem("is not an ELF kernel");
  if (!found->info.problem.empty()) return problem("is a kernel of " + found->info.problem);
  if (found->end > seen_bytes) problem("is cut short");
  directory.add_image(stem_of(name), *found);
}

void target_scanner::impl::end_search() {
  search->finish();
  if (search->truncated()) problem("holds a kernel that is cut short");
  if (found_image) return;
  if (head == compressed_bundle_magic)
    problem("is a compressed offload bundle, whose targets are not read");
  else if (kind == file_kind::kernel)
    problem("is not an ELF kernel");
}

void target_scanner::impl::end_json() {
  if (text.size() > max_kernel_json_bytes) return;
  auto told = read_kernel_json(text);
  if (!told) return;
  if (!*told) return problem("has a target that cannot be used: " + told->error().message);
  directory.add_json(name, **told);
}

target_scanner::target_scanner() : impl_(std::make_unique<impl>()) {}
target_scanner::~target_scanner() = default;
void target_scanner::begin(std::string_view path, uint64_t) { impl_->begin(path); }
void target_scanner::data(std::span<const std::byte> bytes) { impl_->data(bytes); }
void target_scanner::end() { impl_->end(); }
bool target_scanner::wants_data() const { return impl_->wants_data(); }

target_report target_scanner::report() const {
  auto tally = impl_->tally;
  impl_->directory.settle(tally);
  return tally.report();
}

}  // namespace gkm::gpus
