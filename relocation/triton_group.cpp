#include "messages/relocation.hpp"
#include "relocation/index_format.hpp"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

namespace gkm::relocation {
namespace {

constexpr size_t max_depth = 64;

/// Hears the document's events. A string's closing quote is where the stream stands when it is
/// reported; its opening quote is the first one after the key.
class group_reader : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, group_reader> {
public:
  group_reader(std::string_view json, const rapidjson::MemoryStream& at) : json_(json), at_(at) {}

  bool StartObject() { return open(depth_ == 1 && is_children_); }
  bool StartArray() { return open(false); }
  bool EndObject(rapidjson::SizeType) { return close(); }
  bool EndArray(rapidjson::SizeType) { return close(); }

  bool Key(const char* text, rapidjson::SizeType size, bool) {
    if (depth_ == 1) is_children_ = std::string_view(text, size) == "child_paths";
    key_end_ = at_.Tell();
    return true;
  }

  bool String(const char* text, rapidjson::SizeType size, bool) {
    if (children_depth_ == 0 || depth_ != children_depth_ || !is_path({text, size})) return true;
    if (found_.paths.size() >= max_file_literals) return too_many_ = true, false;
    found_.paths.push_back({json_.find('"', key_end_), at_.Tell(), {text, size}});
    return true;
  }

  found_paths take() { return std::move(found_); }
  bool too_many() const { return too_many_; }

private:
  bool open(bool is_children) {
    if (++depth_ > max_depth) return false;
    if (is_children) children_depth_ = depth_;
    return true;
  }
  bool close() {
    if (depth_ == children_depth_) children_depth_ = 0;
    --depth_;
    return true;
  }

  std::string_view json_;
  const rapidjson::MemoryStream& at_;
  found_paths found_;
  size_t depth_ = 0;
  size_t children_depth_ = 0;  // 0: outside
  size_t key_end_ = 0;
  bool is_children_ = false;
  bool too_many_ = false;
};

}  // namespace

result<found_paths> read_triton_group(std::string_view json) {
  rapidjson::MemoryStream stream(json.data(), json.size());
  group_reader handler(json, stream);
  rapidjson::Reader reader;
  // The iterative parser needs no call stack.
  auto parsed =
      reader.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(stream,
                                                                                           handler);
  if (handler.too_many())
    return fail(errc::limit_exceeded,
                "an index of more than " + std::to_string(max_file_literals) + " paths");
  if (parsed) return handler.take();
  return fail(errc::malformed, "not valid JSON at byte " + std::to_string(parsed.Offset()) + ": " +
                                   rapidjson::GetParseError_En(parsed.Code()));
}

}  // namespace gkm::relocation
