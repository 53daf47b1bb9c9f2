#include "messages/actors/interfaces.hpp"

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <gtest/gtest.h>

namespace gkm {
namespace {

digest digest_of(char c) { return digest{std::string(64, c)}; }

class message_types : public testing::Test {
protected:
  message_types() : system_(configured(config_)) {}

  /// Through a message, as an actor would get it from another process.
  template <class T>
  void comes_back(const T& sent) {
    SCOPED_TRACE(T::type);
    EXPECT_NE(sent, T{}) << "a default value would prove nothing";
    caf::binary_serializer::container_type bytes;
    caf::binary_serializer sink(system_, bytes);
    auto message = caf::make_message(sent);
    ASSERT_FALSE(sink(message));
    caf::binary_deserializer source(system_, bytes);
    caf::message arrived;
    ASSERT_FALSE(source(arrived));
    ASSERT_TRUE(arrived.match_elements<T>());
    EXPECT_EQ(arrived.get_as<T>(0), sent);
  }

private:
  static caf::actor_system_config& configured(caf::actor_system_config& config) {
    configure(config, 1);
    config.add_message_types<caf::id_block::gkm>();
    return config;
  }

  caf::actor_system_config config_;
  caf::actor_system system_;
};

}  // namespace

TEST_F(message_types, come_back_equal) {
  const target t{"hip", "gfx90a", 64, feature::on, feature::off};
  const gpu g{3,     "hip", "gfx942",     "AMD Instinct MI300X", "uuid",
              "6.2", 64,    feature::any, feature::off};
  const cache_ref ref{"default", "vector-add"};
  const image_ref image{"quay.io", "gkm/cache", "v1", digest_of('c')};
  const match_result match{true, {{3, false, "built for gfx90a, this is gfx942"}}};
  const stored_cache stored{digest_of('a'), "triton", 3, 4'000'000'000'000, {t}, {"a problem"}};
  const catalog_record record{
      ref, image.str(), digest_of('b'), digest_of('a'), cache_state::outdated, "a reason", {t}};
  cache_status status{ref,
                      image.str(),
                      cache_state::error,
                      errc::refused,
                      "text",
                      {"warning"},
                      digest_of('b'),
                      stored,
                      match,
                      1,
                      2,
                      "/path",
                      -3,
                      4,
                      {{"csi-1", ref, digest_of('a'), "default", "pod"}}};
  comes_back(digest_of('a'));
  comes_back(image);
  comes_back(t);
  comes_back(g);
  comes_back(match.gpus[0]);
  comes_back(match);
  comes_back(ref);
  comes_back(cache_spec{ref, image, {"default/login"}});
  comes_back(
      image_plan{image, digest_of('b'), digest_of('a'), 1, 2, {t}, "a problem", {"default/login"}});
  comes_back(stored);
  comes_back(record);
  comes_back(status);
  comes_back(recovered{{stored}, {record}, {digest_of('a')}});
}

TEST(caf_error, keeps_kind_text_and_pause) {
  for (auto i = static_cast<int>(errc::invalid_argument); i <= static_cast<int>(errc::internal);
       ++i) {
    const error sent{static_cast<errc>(i), "Failed to pull 'x': timeout", std::chrono::seconds(i)};
    EXPECT_EQ(from_caf(to_caf(sent)), sent);
  }
}

TEST(caf_error, of_the_framework_is_told_in_our_words) {
  EXPECT_EQ(from_caf(caf::make_error(caf::sec::request_timeout)).code, errc::unavailable);
  auto other = from_caf(caf::make_error(caf::sec::unexpected_message));
  EXPECT_EQ(other.code, errc::internal);
  EXPECT_NE(other.message.find("unexpected_message"), std::string::npos) << other.message;
}

}  // namespace gkm
