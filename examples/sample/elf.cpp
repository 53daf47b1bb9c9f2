#include "sample/elf.hpp"

#include <elf.h>

#include <array>
#include <cstring>
#include <vector>

namespace gkm::sample {
namespace {

struct identity {
  unsigned char os_abi;
  unsigned char abi_version;
  Elf64_Half type;
  Elf64_Half machine;
  Elf64_Word version;
  Elf64_Word flags;
};

struct section {
  std::string name;
  Elf64_Word type;
  Elf64_Xword flags;
  std::string content;
};

template <class T>
void append_raw(std::string& out, const T& value) {
  const auto at = out.size();
  out.resize(at + sizeof value);
  std::memcpy(out.data() + at, &value, sizeof value);
}

void align(std::string& out, size_t to) { out.resize((out.size() + to - 1) / to * to); }

// Half of each 8-byte instruction comes from a small set, half is operands: real code compresses
// about as badly.
std::string invented_code(size_t bytes, chance& random) {
  constexpr size_t opcode_count = 64;
  std::array<uint32_t, opcode_count> opcodes{};
  for (auto& opcode : opcodes) opcode = static_cast<uint32_t>(random.next());
  std::vector<uint32_t> words;
  words.reserve(bytes / sizeof(uint32_t) + 2);
  while (words.size() * sizeof(uint32_t) < bytes) {
    const auto drawn = random.next();
    words.push_back(opcodes[drawn % opcode_count]);
    words.push_back(static_cast<uint32_t>(drawn >> 32));
  }
  std::string code(words.size() * sizeof(uint32_t), '\0');
  std::memcpy(code.data(), words.data(), code.size());
  return code;
}

// The code object's metadata note: MessagePack {"amdhsa.target": …, "amdhsa.version": [1, 2]}.
std::string amd_note(const gpu_target& target) {
  std::string map = "\x82";
  auto text = [&map](const std::string& s) {
    constexpr unsigned char str8 = 0xd9;
    map += static_cast<char>(str8);
    map += static_cast<char>(s.size());
    map += s;
  };
  text("amdhsa.target");
  text("amdgcn-amd-amdhsa--" + target.name);
  text("amdhsa.version");
  map += "\x92\x01\x02";
  constexpr Elf64_Word metadata = 32;
  std::string note;
  append_raw(note, Elf64_Nhdr{sizeof "AMDGPU", static_cast<Elf64_Word>(map.size()), metadata});
  note.append("AMDGPU", sizeof "AMDGPU");
  align(note, 4);
  note += map;
  align(note, 4);
  return note;
}

Elf64_Ehdr file_header(const identity& id) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_ident[EI_OSABI] = id.os_abi;
  header.e_ident[EI_ABIVERSION] = id.abi_version;
  header.e_type = id.type;
  header.e_machine = id.machine;
  header.e_version = id.version;
  header.e_flags = id.flags;
  header.e_ehsize = sizeof(Elf64_Ehdr);
  header.e_phoff = sizeof(Elf64_Ehdr);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  header.e_shentsize = sizeof(Elf64_Shdr);
  return header;
}

// Header, one segment that loads the whole file, the sections, their names, the section table.
std::string image(const identity& id, std::vector<section> sections) {
  sections.insert(sections.begin(), {"", SHT_NULL, 0, ""});
  std::string names;
  for (const auto& s : sections) names.append(s.name).push_back('\0');
  names.append(".shstrtab").push_back('\0');
  sections.push_back({".shstrtab", SHT_STRTAB, 0, names});

  std::string out(sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr), '\0');
  std::vector<Elf64_Shdr> table;
  Elf64_Word name_at = 0;
  for (const auto& s : sections) {
    const size_t section_alignment = s.type == SHT_PROGBITS ? 256 : 4;
    if (s.type != SHT_NULL) align(out, section_alignment);
    table.push_back({name_at, s.type, s.flags, 0, s.type == SHT_NULL ? 0 : out.size(),
                     s.content.size(), 0, 0, s.type == SHT_NULL ? 0 : section_alignment, 0});
    name_at += static_cast<Elf64_Word>(s.name.size() + 1);
    out += s.content;
  }
  align(out, sizeof(Elf64_Xword));

  auto header = file_header(id);
  header.e_shoff = out.size();
  header.e_shnum = static_cast<Elf64_Half>(table.size());
  header.e_shstrndx = static_cast<Elf64_Half>(table.size() - 1);
  constexpr Elf64_Xword page_bytes = 4096;
  const Elf64_Phdr load{PT_LOAD, PF_R | PF_X, 0, 0, 0, out.size(), out.size(), page_bytes};
  for (const auto& entry : table) append_raw(out, entry);
  std::memcpy(out.data(), &header, sizeof header);
  std::memcpy(out.data() + sizeof header, &load, sizeof load);
  return out;
}

// What headers, tables and alignment take, so that a file is about as long as asked.
constexpr size_t overhead_bytes = 1024;
size_t code_bytes(size_t bytes) {
  return bytes > 2 * overhead_bytes ? bytes - overhead_bytes : 256;
}

constexpr Elf64_Xword executable = SHF_ALLOC | SHF_EXECINSTR;

}  // namespace

std::string kernel_elf(const gpu_target& target, const std::string& kernel, size_t bytes,
                       chance& random) {
  auto code = invented_code(code_bytes(bytes), random);
  std::string symbols = '\0' + kernel + '\0';
  if (target.backend == gpu_backend::cuda) {
    constexpr Elf64_Half machine_cuda = 190;
    constexpr Elf64_Word cuda_12_4 = 0x7c;
    return image({0x33, 7, ET_EXEC, machine_cuda, cuda_12_4, target.elf_flags},
                 {{".strtab", SHT_STRTAB, 0, symbols},
                  {".text." + kernel, SHT_PROGBITS, executable, std::move(code)}});
  }
  constexpr Elf64_Half machine_amdgpu = 224;
  return image({0x40, 3, ET_DYN, machine_amdgpu, EV_CURRENT, target.elf_flags},
               {{".note", SHT_NOTE, SHF_ALLOC, amd_note(target)},
                {".strtab", SHT_STRTAB, 0, symbols},
                {".text", SHT_PROGBITS, executable, std::move(code)}});
}

std::string host_library_elf(size_t bytes, chance& random) {
  return image({ELFOSABI_SYSV, 0, ET_DYN, EM_X86_64, EV_CURRENT, 0},
               {{".text", SHT_PROGBITS, executable, invented_code(code_bytes(bytes), random)}});
}

}  // namespace gkm::sample
