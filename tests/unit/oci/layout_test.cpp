#include "images.hpp"
#include "oci/registry/registry.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace gkm::oci {
namespace {

namespace fs = std::filesystem;
using namespace test;

std::string named(const std::string& tag) {
  return R"(,"annotations":{"org.opencontainers.image.ref.name":")" + tag + "\"}";
}

class layout : public testing::Test {
protected:
  layout() {
    std::string name = testing::TempDir() + "gkm-layout-XXXXXX";
    dir_ = mkdtemp(name.data());
    fs::create_directories(dir_ / "blobs/sha256");
    write("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    list({descriptor_of(manifest_, manifest_type, named("t"))});
    add(manifest_);
    add(layer_);
  }
  ~layout() override {
    std::error_code ignored;
    fs::remove_all(dir_, ignored);
  }

  void write(const fs::path& file, const std::string& text) {
    std::ofstream(dir_ / file, std::ios::binary) << text;
  }
  fs::path path_of(const std::string& bytes) {
    return fs::path("blobs/sha256") / base::sha256::of(bytes).hex;
  }
  void add(const std::string& bytes) { write(path_of(bytes), bytes); }
  void list(const std::vector<std::string>& entries) { write("index.json", index_json(entries)); }
  image_ref ref(const std::string& suffix) {
    return *image_ref::parse("oci:" + dir_.string() + suffix);
  }
  result<fetched_manifest> manifest(const std::string& suffix) {
    return source_->manifest(ref(suffix), {});
  }
  descriptor layer_descriptor() {
    return {layer_type, base::sha256::of(layer_), layer_.size(), {}};
  }

  std::string layer_ = std::string(600'000, 'x');
  std::string manifest_ = manifest_json("{}", layer_);
  fs::path dir_;
  std::unique_ptr<source> source_ = make_layout_source();
};

TEST_F(layout, finds_by_tag_by_digest_and_the_only_one) {
  for (std::string suffix :
       {std::string(":t"), std::string(), "@" + base::sha256::of(manifest_).str(),
        ":wrong@" + base::sha256::of(manifest_).str()}) {
    auto got = manifest(suffix);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->bytes, manifest_);
    EXPECT_EQ(got->media_type, manifest_type);
    EXPECT_EQ(got->content, base::sha256::of(manifest_));
  }
}

TEST_F(layout, finds_by_digest_what_the_index_does_not_list) {
  auto other = manifest_json("{}", "other");
  add(other);
  EXPECT_EQ(manifest("@" + base::sha256::of(other).str())->bytes, other);
  EXPECT_EQ(manifest("@" + base::sha256::of("nothing").str()).error().code, errc::not_found);
}

TEST_F(layout, says_which_tags_there_are) {
  auto got = manifest(":other");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::not_found);
  EXPECT_NE(got.error().message.find("tags: t"), std::string::npos) << got.error().message;
  list({descriptor_of(manifest_, manifest_type, named("a")),
        descriptor_of(manifest_, manifest_type)});
  auto two = manifest("");
  ASSERT_FALSE(two);
  EXPECT_NE(two.error().message.find("2 images"), std::string::npos) << two.error().message;
}

TEST_F(layout, finds_whole_names_by_the_name_and_by_the_tag) {
  auto other = manifest_json("{}", "other");
  add(other);
  list({descriptor_of(manifest_, manifest_type, named("quay.io/me/caches:one")),
        descriptor_of(other, manifest_type, named("localhost:5000/me/caches:two"))});
  EXPECT_EQ(manifest(":quay.io/me/caches:one")->bytes, manifest_);
  EXPECT_EQ(manifest(":one")->bytes, manifest_);
  EXPECT_EQ(manifest(":localhost:5000/me/caches:two")->bytes, other);
  EXPECT_EQ(manifest(":two")->bytes, other);
  EXPECT_EQ(manifest(":caches").error().code, errc::not_found);
  auto got = read_blob(*source_, ref(":quay.io/me/caches:one"), layer_descriptor(), 1 << 20, {});
  EXPECT_TRUE(got) << got.error().message;
}

TEST_F(layout, asks_which_of_two_images_of_one_name) {
  auto other = manifest_json("{}", "other");
  add(other);
  list({descriptor_of(manifest_, manifest_type, named("t")),
        descriptor_of(other, manifest_type, named("t"))});
  auto two = manifest(":t");
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().code, errc::invalid_argument);
  EXPECT_NE(two.error().message.find(base::sha256::of(manifest_).str()), std::string::npos);
  list({descriptor_of(manifest_, manifest_type, named("t")),
        descriptor_of(manifest_, manifest_type, named("t"))});
  EXPECT_EQ(manifest(":t")->bytes, manifest_);
  auto elsewhere = R"(,"platform":{"os":"plan9","architecture":"none"})";
  list({descriptor_of(other, manifest_type, named("t") + elsewhere),
        descriptor_of(manifest_, manifest_type, named("t"))});
  EXPECT_EQ(manifest(":t")->bytes, manifest_);
}

TEST_F(layout, reads_what_stands_beside_digests_of_another_algorithm) {
  auto foreign = R"({"mediaType":")" + manifest_type + R"(","digest":"sha512:)" +
                 std::string(128, 'a') + R"(","size":7})";
  list({foreign, descriptor_of(manifest_, manifest_type, named("t"))});
  EXPECT_EQ(manifest(":t")->bytes, manifest_);
}

TEST_F(layout, refuses_what_is_none) {
  EXPECT_EQ(source_->manifest(*image_ref::parse("oci:/nowhere/at/all"), {}).error().code,
            errc::not_found);
  write("index.json", "{");
  EXPECT_EQ(manifest(":t").error().code, errc::malformed);
  fs::remove(dir_ / "index.json");
  EXPECT_EQ(manifest(":t").error().code, errc::not_found);
  write("oci-layout", R"({"imageLayoutVersion":"2.0.0"})");
  EXPECT_EQ(manifest(":t").error().code, errc::malformed);
  fs::remove(dir_ / "oci-layout");
  EXPECT_EQ(manifest(":t").error().code, errc::not_found);
}

TEST_F(layout, detects_wrong_bytes_and_sizes) {
  write(path_of(manifest_), manifest_ + " ");
  EXPECT_EQ(manifest(":t").error().code, errc::corrupt);
  write(path_of(manifest_), std::string(max_manifest_bytes + 1, ' '));
  EXPECT_EQ(manifest(":t").error().code, errc::limit_exceeded);
  write(path_of(layer_), "short");
  EXPECT_EQ(source_->blob(ref(":t"), layer_descriptor(), {}).error().code, errc::corrupt);
}

TEST_F(layout, streams_blobs) {
  auto got = read_blob(*source_, ref(":t"), layer_descriptor(), 1 << 20, {});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, layer_);
  add("");
  auto empty = read_blob(*source_, ref(":t"), {layer_type, base::sha256::of(""), 0, {}}, 10, {});
  ASSERT_TRUE(empty) << empty.error().message;
  std::stop_source stop;
  auto stream = source_->blob(ref(":t"), layer_descriptor(), stop.get_token());
  ASSERT_TRUE(stream);
  EXPECT_TRUE((*stream)->next());
  stop.request_stop();
  EXPECT_EQ((*stream)->next().error().code, errc::cancelled);
}

TEST_F(layout, never_leaves_its_directory) {
  auto outside = dir_;
  outside += "-secret";
  std::ofstream(outside, std::ios::binary) << layer_;
  fs::remove(dir_ / path_of(layer_));
  fs::create_symlink(outside, dir_ / path_of(layer_));
  auto absolute = source_->blob(ref(":t"), layer_descriptor(), {});
  ASSERT_FALSE(absolute);
  EXPECT_NE(absolute.error().message.find("leads out"), std::string::npos)
      << absolute.error().message;
  fs::remove(dir_ / path_of(layer_));
  fs::create_symlink("../../../" + outside.filename().string(), dir_ / path_of(layer_));
  EXPECT_FALSE(source_->blob(ref(":t"), layer_descriptor(), {}));
  fs::remove(outside);
}

TEST_F(layout, does_not_hang_on_what_is_no_file) {
  fs::remove(dir_ / path_of(layer_));
  ASSERT_EQ(mkfifo((dir_ / path_of(layer_)).c_str(), 0600), 0);
  EXPECT_EQ(source_->blob(ref(":t"), layer_descriptor(), {}).error().code, errc::malformed);
  fs::remove(dir_ / path_of(layer_));
  fs::create_directory(dir_ / path_of(layer_));
  EXPECT_EQ(source_->blob(ref(":t"), layer_descriptor(), {}).error().code, errc::malformed);
}

}  // namespace
}  // namespace gkm::oci
