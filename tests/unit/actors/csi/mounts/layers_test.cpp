/// Layers as a hostile list would have them, and ones that cannot be thrown away.

#include "actors/csi/files/layer_writer.hpp"
#include "actors/csi/mounts/relocated_layers.hpp"
#include "tests/support/child_process.hpp"
#include "volume_fixture.hpp"

#include <fcntl.h>

namespace gkm::csi {
namespace {

class layers : public volume_fixture {
protected:
  fs::path stored() const { return where().stored(digest_of('a')); }
  static base::fd open(const fs::path& dir) {
    return base::fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  /// Adds a file that holds one path at its beginning.
  relocated_file add(const std::string& name, size_t bytes) {
    write_text(stored() / paths::content / name, "\"/old\"" + std::string(bytes - 6, ' '));
    return {name, bytes, {{0, 6, name}}};
  }
  result<uint64_t> write_layer_of(const std::string& list, uint64_t max_bytes) {
    write_text(stored() / paths::relocations, list);
    auto from = open(stored()), into = open(dir_.path());
    return write_layer(from.get(), "/c", into.get(), "layer", max_bytes, {});
  }
  bool is_written(const std::string& name) const { return fs::exists(dir_ / "layer" / name); }
};

}  // namespace

TEST_F(layers, end_at_their_limit) {
  relocation_list list;
  for (auto name : {"a", "b", "c"}) list.push_back(add(name, 1'000));
  list.push_back(add("small", 10));
  auto left_out = write_layer_of(print_relocations(list), 1'500);
  ASSERT_TRUE(left_out) << left_out.error().message;
  EXPECT_EQ(*left_out, 3u);
  EXPECT_TRUE(is_written("a"));
  EXPECT_FALSE(is_written("b"));
  EXPECT_FALSE(is_written("small")) << "nothing is read after the limit";
}

TEST_F(layers, what_is_read_in_vain_counts) {
  relocation_list list{add("a", 1'000), add("b", 1'000), add("c", 1'000)};
  for (auto& file : list) file.literals[0].end = 5;  // no quote there
  list.push_back(add("small", 10));
  auto left_out = write_layer_of(print_relocations(list), 2'005);
  ASSERT_TRUE(left_out) << left_out.error().message;
  EXPECT_EQ(*left_out, 4u);
  EXPECT_FALSE(is_written("small"));
}

TEST_F(layers, a_file_that_is_another_one_is_no_limit) {
  auto grown = add("grown", 1'000);
  grown.bytes = 10;
  auto left_out = write_layer_of(print_relocations({grown, add("small", 10)}), 1'000);
  ASSERT_TRUE(left_out);
  EXPECT_EQ(*left_out, 1u);
  EXPECT_TRUE(is_written("small"));
}

TEST_F(layers, a_file_is_rewritten_once) {
  auto file = add("file", 1'000);
  relocation_list list(50, file);
  list.push_back(add("last", 10));
  auto left_out = write_layer_of(print_relocations(list), 1 << 20);
  ASSERT_TRUE(left_out);
  EXPECT_EQ(*left_out, 1u) << "the list, not each of its lines";
  EXPECT_FALSE(is_written("last"));
}

TEST_F(layers, end_with_what_may_be_written) {
  auto from = open(stored()), into = open(dir_.path());
  write_text(stored() / paths::relocations, print_relocations({add("a", 1'000), add("b", 1'000)}));
  uint64_t left = 1'500;
  auto written = write_layer(from.get(), "/c", into.get(), "layer", 1 << 20,
                             {{}, [&](uint64_t bytes) -> result<void> {
                                if (bytes > left) return fail(errc::limit_exceeded, "enough");
                                left -= bytes;
                                return {};
                              }});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message, "enough");
  EXPECT_TRUE(is_written("a"));
  EXPECT_FALSE(is_written("b"));
}

TEST_F(layers, one_that_cannot_be_thrown_away_is_still_known) {
  list_index('a');
  auto root = open(where().root);
  auto all = *relocated_layers::open(dir_ / "layers", root.get());
  const auto key = layer_key::of(digest_of('a'), "/c");
  auto from = open(stored());
  ASSERT_TRUE(all->acquire(key, "/c", from.get()));
  auto place = dir_ / "layers" / key.name();
  // A mount point cannot be renamed.
  ASSERT_EQ(::mount(place.c_str(), place.c_str(), nullptr, MS_BIND, nullptr), 0);
  fs::rename(stored(), dir_ / "taken");
  all->release(key);
  all->finish();
  EXPECT_TRUE(all->has(key));
  fs::rename(dir_ / "taken", stored());
  EXPECT_TRUE(all->acquire(key, "/c", from.get()));
  fs::rename(stored(), dir_ / "taken");
  ::umount2(place.c_str(), MNT_DETACH);
  all->release(key);
  all->finish();
  EXPECT_FALSE(all->has(key));
  EXPECT_FALSE(fs::exists(place));
}

TEST_F(layers, one_that_nobody_uses_goes_with_its_digest) {
  list_index('a');
  auto r = record("v1");
  r.mount_path = "/c";
  ASSERT_TRUE(mount(r));
  ASSERT_TRUE(unmount(r));
  auto layer = where().relocated() / digest_of('a').hex;
  EXPECT_TRUE(fs::exists(layer)) << "the next pod is likely to want it";
  fs::remove_all(stored());
  EXPECT_TRUE(support::eventually("it is gone", [&] { return !fs::exists(layer); }));
}

TEST_F(layers, what_a_start_cannot_throw_away_is_replaced) {
  list_index('a');
  auto root = open(where().root);
  const auto key = layer_key::of(digest_of('a'), "/c");
  auto place = dir_ / "layers" / key.name();
  fs::create_directories(place);
  write_text(place / "half", "written");
  ::chmod((dir_ / "layers").c_str(), 0700);
  ASSERT_EQ(::mount(place.c_str(), place.c_str(), nullptr, MS_BIND, nullptr), 0);
  auto all = *relocated_layers::open(dir_ / "layers", root.get());
  ASSERT_TRUE(all->recover({}));
  ::umount2(place.c_str(), MNT_DETACH);
  auto from = open(stored());
  auto made = all->acquire(key, "/c", from.get());
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_FALSE(fs::exists(place / "half"));
  EXPECT_TRUE(fs::exists(place / "sub" / "deep" / "index"));
}

}  // namespace gkm::csi
