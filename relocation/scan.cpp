#include "relocation/scan.hpp"

#include "base/files.hpp"
#include "messages/printable.hpp"
#include "relocation/content_tree.hpp"
#include "relocation/index_format.hpp"

#include <algorithm>

namespace gkm::relocation {
namespace fs = std::filesystem;
namespace {

constexpr size_t max_depth = 64;           // directories
constexpr size_t max_entries = 1'000'000;  // files and directories
constexpr size_t part_bytes = 64 << 10;    // of the list, handed over at a time

constexpr size_t max_named_problems = 8;
constexpr uint64_t max_lookups = 4'000'000;  // seconds of a hostile cache's making
constexpr size_t max_name_chars = 120;

std::string files_text(uint64_t n) { return std::to_string(n) + (n == 1 ? " file" : " files"); }

class scanner {
public:
  scanner(content_tree tree, const list_sink& sink, std::string_view home)
      : tree_(std::move(tree)), sink_(sink), home_(home) {}

  result<void> hand_over(size_t at_least_bytes) {
    if (list_.files() == 0 || list_.text().size() < at_least_bytes) return {};
    return sink_(list_.take());
  }

  void scan_file(const std::string& path) {
    if (tree_.lookups() > max_lookups) return void(++left_out_);
    auto text = tree_.read(path, max_relocated_file_bytes);
    if (!text) return cannot(path, text.error());
    auto found = read_index(*format_of(path), *text);
    if (!found) return cannot(path, found.error());
    unwritable_ += found->unwritable;
    relocated_file file{path, text->size(), {}};
    for (const auto& old : found->paths) {
      auto suffix = tree_.longest_suffix(old.path);
      // An absolute one may name a file of the system; nobody can tell what a relative one names.
      if (suffix.empty() && !old.path.starts_with('/')) ++lost_;
      if (!suffix.empty() && !is_right(old.path, suffix))
        file.literals.push_back({old.begin, old.end, std::move(suffix)});
    }
    if (!file.literals.empty() && !list_.add(file)) ++left_out_;
  }

  scan_report report(uint64_t left_out) {
    left_out += left_out_;
    auto problems = std::move(problems_);
    auto say = [&](std::string text) {
      problems.push_back(std::move(text) + ": they still name the machine where they were made");
    };
    if (unnamed_ > 0) say(files_text(unnamed_) + " more with paths cannot be read");
    if (left_out > 0)
      say(files_text(left_out) + " with paths exceed what is relocated (" +
          std::to_string(max_relocated_files) + " files, " +
          std::to_string(max_relocations_bytes >> 20) + " MiB of paths)");
    if (lost_ > 0)
      say(std::to_string(lost_) + (lost_ == 1 ? " relative path names" : " relative paths name") +
          " nothing in this cache");
    if (unwritable_ > 0)
      say(std::to_string(unwritable_) + (unwritable_ == 1 ? " path is" : " paths are") +
          " written in a way that cannot be replaced");
    return {list_.files(), std::move(problems)};
  }

private:
  bool is_right(std::string_view path, std::string_view suffix) const {
    return !home_.empty() && path.size() == home_.size() + 1 + suffix.size() &&
           path.starts_with(home_) && path[home_.size()] == '/';
  }

  void cannot(const std::string& path, const error& why) {
    if (problems_.size() >= max_named_problems) return void(++unnamed_);
    problems_.push_back("the paths in '" + printable(path, max_name_chars) +
                        "' cannot be relocated: it is " +
                        printable(why.message, 2 * max_name_chars));
  }

  content_tree tree_;
  const list_sink& sink_;
  std::string_view home_;
  relocation_writer list_;
  std::vector<std::string> problems_;
  uint64_t unnamed_ = 0;
  uint64_t left_out_ = 0;
  uint64_t unwritable_ = 0;
  uint64_t lost_ = 0;  ///< relative paths
};

}  // namespace

void index_files::begin(std::string_view path, uint64_t) {
  if (!format_of(path) || !can_be_listed(path)) return;
  if (count_ >= max_relocated_files || text_.size() + path.size() + 1 > max_relocations_bytes)
    return void(++left_out_);
  ++count_;
  text_.append(path) += '\n';
}

std::vector<std::string_view> index_files::names() const {
  std::vector<std::string_view> names;
  names.reserve(count_);
  for (std::string_view rest = text_; !rest.empty();) {
    auto end = rest.find('\n');
    names.push_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

result<index_files> find_index_files(const fs::path& content) {
  index_files files;
  std::error_code failed;
  fs::recursive_directory_iterator it(content, failed);
  for (size_t entries = 0; !failed && it != fs::recursive_directory_iterator(); ++entries) {
    if (entries >= max_entries || static_cast<size_t>(it.depth()) > max_depth)
      return fail(errc::limit_exceeded, "Failed to read '" + content.string() + "': more than " +
                                            std::to_string(max_entries) + " entries or " +
                                            std::to_string(max_depth) + " directories deep");
    if (it->symlink_status(failed).type() == fs::file_type::regular)
      files.begin(it->path().lexically_relative(content).string(), 0);
    if (!failed) it.increment(failed);
  }
  if (failed) return fail(base::errno_error(failed.value(), "read directory", content));
  return files;
}

result<scan_report> scan(const fs::path& content, const index_files& files, const list_sink& list,
                         std::stop_token stop, std::string_view home) {
  auto tree = content_tree::open(content);
  if (!tree) return fail(tree.error());
  scanner scanner(std::move(*tree), list, home);
  for (const auto& name : files.names()) {
    if (stop.stop_requested())
      return fail(errc::cancelled, "Failed to read '" + content.string() + "': no longer wanted");
    scanner.scan_file(std::string(name));
    if (auto done = scanner.hand_over(part_bytes); !done) return fail(done.error());
  }
  if (auto done = scanner.hand_over(1); !done) return fail(done.error());
  return scanner.report(files.left_out());
}

}  // namespace gkm::relocation
