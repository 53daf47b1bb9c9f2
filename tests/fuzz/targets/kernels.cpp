// What an image's files say about GPUs: ELF images anywhere in a stream, Triton's JSON, PTX, a
// whole cache.
#include "gpus/kernels/image_search.hpp"
#include "gpus/kernels/kernel_text.hpp"
#include "gpus/kernels/targets.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/elf_builder.hpp"

#include <algorithm>
#include <array>

namespace gkm::fuzz {
namespace {

using namespace gpus;
using test::cubin_abi7;
using test::cubin_abi8;
using test::hsaco;

constexpr std::array<size_t, 3> block_bytes{1, 7, 64};

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

template <class Feed>
void in_blocks(std::string_view text, size_t block, Feed feed) {
  for (; !text.empty(); text.remove_prefix(std::min(block, text.size())))
    feed(bytes_of(text.substr(0, block)));
}

std::vector<std::string> images_in(std::string_view stream, size_t block) {
  std::vector<std::string> found;
  image_search search([&](const found_kernel& k) {
    require(k.info.problem.empty() != k.info.built_for.arch.empty(),
            "a kernel is known or a problem");
    found.push_back(k.info.built_for.str() + k.info.problem + (k.open_suffix ? "?" : "") + " " +
                    std::to_string(k.end));
  });
  in_blocks(stream, block, [&](auto bytes) { search.feed(bytes); });
  search.finish();
  found.push_back(search.truncated() ? "truncated" : "whole");
  std::sort(found.begin(), found.end());
  return found;
}

void search_images(std::string_view input) {
  const auto whole = images_in(input, input.size());
  for (auto block : block_bytes)
    require(images_in(input, block) == whole, "the cut of the stream decides what is found");
}

void read_header(std::string_view input) {
  const auto bytes = bytes_of(input);
  const auto header = parse_kernel_header(bytes);
  if (!header) return;
  const auto info = read_kernel_header(*header);
  require(info.problem.empty() != info.built_for.arch.empty(), "a header is known or a problem");
  require(bytes_needed(*header, bytes) <= max_image_bytes,
          "more bytes are needed than are allowed");
  for (uint32_t sm : {75U, 90U, 100U, 120U}) find_suffix(*header, bytes, sm);
}

void read_json(std::string_view input) {
  work_meter work;
  if (auto told = read_kernel_json(input); told && *told)
    require(!(*told)->backend.empty() && !(*told)->arch.empty(),
            "a target without backend or arch");
  work.require_at_most(64 << 10, 64, input.size(), "a kernel's JSON");
}

void read_ptx(std::string_view input) {
  if (auto arch = read_ptx_target(input))
    require(parse_cuda_arch(arch->str()) == *arch, "PTX's target is not read as it is printed");
}

// Files one after the other: a line with a name, a line with a size, so many bytes.
target_report scan(std::string_view input, size_t block) {
  target_scanner scanner;
  while (!input.empty()) {
    auto [name, after_name] = first_line(input);
    auto [size_text, rest] = first_line(after_name);
    size_t size = 0;
    for (char c : size_text) size = c >= '0' && c <= '9' ? (size * 10 + (c - '0')) % 10'000 : size;
    auto content = rest.substr(0, size);
    scanner.begin(name, content.size());
    in_blocks(content, block, [&](auto bytes) { scanner.data(bytes); });
    scanner.end();
    input = rest.substr(content.size());
  }
  return scanner.report();
}

void scan_cache(std::string_view input) {
  const auto whole = scan(input, input.size());
  require(std::is_sorted(whole.targets.begin(), whole.targets.end()), "targets are not sorted");
  require(std::adjacent_find(whole.targets.begin(), whole.targets.end()) == whole.targets.end(),
          "a target is there twice");
  require(whole.targets.size() <= 64 && whole.problems.size() <= 17, "a report is not bounded");
  for (auto block : block_bytes) {
    const auto cut = scan(input, block);
    require(cut.targets == whole.targets && cut.kernels == whole.kernels &&
                cut.kernel_count == whole.kernel_count && cut.problems == whole.problems,
            "the cut of a file decides what is found");
  }
}

std::string file(const std::string& name, const std::string& content) {
  return name + "\n" + std::to_string(content.size()) + "\n" + content;
}

std::string tool_info_cubin(const std::string& options) {
  auto image = cubin_abi8(100);
  image.sections.push_back(test::tool_info(options));
  return image.build();
}

}  // namespace

std::vector<subject> subjects() {
  const auto sm75 = cubin_abi7(75).build();
  const auto sm90a = cubin_abi8(90, true).build();
  const auto sm100f = tool_info_cubin("-arch sm_100f ");
  const auto gfx90a = hsaco(0x3f, 0x500).build();
  auto liar = cubin_abi8(90);
  liar.section_offset = 1 << 20;
  const std::string triton = R"({"target":{"backend":"cuda","arch":90,"warp_size":32},"name":"k"})";
  return {
      {"images",
       search_images,
       {sm75, "noise" + sm90a + "more" + gfx90a, liar.build() + gfx90a, sm100f + sm100f,
        gfx90a.substr(0, 70) + sm75,
        "\x7f\x7f"
        "ELF"}},
      {"header", read_header, {sm75, sm90a, sm100f, gfx90a, hsaco(0x4c, 0, 4).build()}},
      {"json",
       read_json,
       {triton, R"({"target":{"backend":"hip","arch":"gfx942","warp_size":64}})",
        R"({"target":{"backend":"cuda","arch":"sm_12.9"}})", R"({"target":[]})"}},
      {"ptx",
       read_ptx,
       {".version 8.3\n.target sm_90a, debug\n", "\n.target\tsm_100f\r\n", ".target sm_"}},
      {"cache",
       scan_cache,
       {file("A/k.cubin", sm90a) + file("A/k.json", triton) + file("A/k.ptx", ".target sm_90a\n"),
        file("B/k.hsaco", gfx90a) + file("B/k.json", triton), file("artifact", "x" + sm75 + gfx90a),
        file("k.hsaco", "no kernel") + file("l.cubin", sm75.substr(0, 80)) + file("k.so", sm75)}},
  };
}

std::vector<std::string> tokens() {
  return {
      "\x7f"
      "ELF\x02\x01\x01",
      ".nv.compat",
      ".note.nv.tkinfo",
      "-arch sm_100f",
      ".target sm_90a",
      "\"target\"",
      "\"backend\"",
      "\"arch\"",
      "\"warp_size\"",
      "hip",
      "cuda",
      "gfx90a:sramecc+:xnack-",
      "gfx9-4-generic",
      "sm_103f",
      "A/k.cubin\n",
      "A/k.json\n",
      "A/k.ptx\n",
      "A/k.hsaco\n"};
}

}  // namespace gkm::fuzz
