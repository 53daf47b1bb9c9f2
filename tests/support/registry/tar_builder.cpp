#include "tests/support/registry/tar_builder.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

namespace gkm::tests {
namespace {

constexpr size_t tar_block_bytes = 512;

struct header {
  std::array<char, 100> name;
  std::array<char, 8> mode;
  std::array<char, 8> uid;
  std::array<char, 8> gid;
  std::array<char, 12> size;
  std::array<char, 12> mtime;
  std::array<char, 8> checksum;
  char type;
  std::array<char, 100> link;
  std::array<char, 8> magic;
  std::array<char, 247> rest;
};
static_assert(sizeof(header) == tar_block_bytes);

template <size_t N>
void put_text(std::array<char, N>& field, std::string_view text) {
  std::copy_n(text.begin(), std::min(N, text.size()), field.begin());
}

template <size_t N>
void put_octal(std::array<char, N>& field, uint64_t value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%0*llo", static_cast<int>(N - 1),
                static_cast<unsigned long long>(value));
  put_text(field, text.data());
}

std::string pad(size_t size) {
  return std::string((tar_block_bytes - size % tar_block_bytes) % tar_block_bytes, '\0');
}

// "<length> <key>=<value>\n", where the length counts its own digits.
std::string pax_record(const std::string& key, const std::string& value) {
  auto rest = " " + key + "=" + value + "\n";
  auto length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) ++length;
  return std::to_string(length) + rest;
}

}  // namespace

tar_builder& tar_builder::add(const tar_entry& entry) {
  header h{};
  put_text(h.name, entry.name);
  put_octal(h.mode, entry.mode);
  put_octal(h.uid, 1000);
  put_octal(h.gid, 1000);
  put_octal(h.size, entry.size_bytes.value_or(entry.content.size()));
  put_octal(h.mtime, 1'700'000'000);
  h.type = entry.type;
  put_text(h.link, entry.link);
  put_text(h.magic, std::string_view("ustar\0"
                                     "00",
                                     8));
  h.checksum.fill(' ');
  std::array<unsigned char, sizeof(header)> raw_header;
  std::memcpy(raw_header.data(), &h, sizeof h);
  unsigned sum = 0;
  for (auto c : raw_header) sum += c;
  std::snprintf(h.checksum.data(), h.checksum.size(), "%06o", sum);
  bytes_.append(reinterpret_cast<const char*>(&h), sizeof h);
  bytes_ += entry.content + pad(entry.content.size());
  return *this;
}

tar_builder& tar_builder::file(std::string_view name, std::string_view content, uint32_t mode) {
  return add({std::string(name), '0', std::string(content), mode, "", {}});
}

tar_builder& tar_builder::directory(std::string_view name, uint32_t mode) {
  return add({std::string(name), '5', "", mode, "", {}});
}

tar_builder& tar_builder::symlink(std::string_view name, std::string_view target) {
  return add({std::string(name), '2', "", 0777, std::string(target), {}});
}

tar_builder& tar_builder::hard_link(std::string_view name, std::string_view existing) {
  return add({std::string(name), '1', "", 0644, std::string(existing), {}});
}

tar_builder& tar_builder::pax(const std::map<std::string, std::string>& records) {
  std::string content;
  for (const auto& [key, value] : records) content += pax_record(key, value);
  return add({"PaxHeaders/x", 'x', content, 0644, "", {}});
}

tar_builder& tar_builder::gnu_long(char type, std::string_view text) {
  return add({"././@LongLink", type, std::string(text) + '\0', 0644, "", {}});
}

tar_builder& tar_builder::raw(std::string_view bytes) {
  bytes_ += bytes;
  return *this;
}

std::string tar_builder::finished() const {
  return bytes_ + std::string(2 * tar_block_bytes, '\0');
}

}  // namespace gkm::tests
