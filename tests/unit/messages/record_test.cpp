#include "messages/record.hpp"

#include <gtest/gtest.h>

namespace gkm {
namespace {

digest digest_of(char c) { return digest{std::string(64, c)}; }

stored_cache some_stored() {
  return {digest_of('a'),
          "triton",
          7,
          UINT64_MAX,
          {{"cuda", "90a", 32, feature::unstated, feature::unstated},
           {"hip", "gfx90a", 64, feature::on, feature::off},
           {"hip", "gfx942", 0, feature::any, feature::any}},
          {"kernel 'x' cannot be read"}};
}

catalog_record some_record() {
  return {{"default", "vector-add"},
          "quay.io/gkm/cache:v1",
          digest_of('b'),
          digest_of('a'),
          cache_state::extracted,
          "a reason",
          some_stored().targets,
          errc::unavailable,
          3,
          4,
          1};
}

cache_status some_status() {
  cache_status s;
  s.ref = {"", "vector-add"};
  s.image = "quay.io/gkm/cache:v1";
  s.state = cache_state::error;
  s.code = errc::incompatible;
  s.message = "built for other GPUs";
  s.warnings = {"one", "two"};
  s.resolved = digest_of('b');
  s.stored = some_stored();
  s.match = {true, {{0, true, ""}, {-1, false, "built for gfx90a"}}};
  s.pulled_bytes = 5;
  s.total_bytes = UINT64_MAX;
  s.path = "/var/lib/gkm/caches/cluster/vector-add/content";
  s.changed_unix_s = 1'700'000'000;
  s.retry_unix_s = 1'700'000'300;
  s.volumes = {{"csi-1", s.ref, digest_of('a'), "default", "pod"}, {"csi-2", s.ref, {}, "", ""}};
  return s;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

std::string why(const std::string& record) {
  auto parsed = parse_catalog_record(record);
  return parsed ? "accepted" : parsed.error().message;
}

}  // namespace

TEST(record, stored_cache_comes_back_whole) {
  auto back = parse_stored_cache(print_stored_cache(some_stored()));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, some_stored());
  stored_cache small{digest_of('c'), "vllm", 0, 0, {}, {}};
  EXPECT_EQ(parse_stored_cache(print_stored_cache(small)), small);
}

TEST(record, catalog_record_comes_back_whole) {
  auto back = parse_catalog_record(print_catalog_record(some_record()));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, some_record());
  catalog_record young;
  young.ref = {"", "x"};
  EXPECT_EQ(parse_catalog_record(print_catalog_record(young)), young);
}

TEST(record, cache_status_comes_back_whole) {
  auto back = parse_cache_status(print_cache_status(some_status()));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, some_status());
  cache_status young;
  young.ref = {"default", "x"};
  EXPECT_EQ(parse_cache_status(print_cache_status(young)), young);
}

TEST(record, every_state_and_code_comes_back) {
  auto status = some_status();
  for (auto i = 0; i <= static_cast<int>(errc::internal); ++i) {
    status.code = static_cast<errc>(i);
    for (auto s = 0; s <= static_cast<int>(cache_state::error); ++s) {
      status.state = static_cast<cache_state>(s);
      EXPECT_EQ(parse_cache_status(print_cache_status(status)), status) << i << ' ' << s;
    }
  }
}

TEST(record, an_unknown_code_of_a_later_version_is_an_internal_error) {
  auto text = replaced(print_cache_status(some_status()), "incompatible", "novel");
  auto back = parse_cache_status(text);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->code, errc::internal);
}

TEST(record, unknown_fields_of_a_later_minor_version_are_passed_over) {
  auto text = replaced(print_catalog_record(some_record()), "{", R"({"news": [{"deep": [1]}],)");
  EXPECT_EQ(parse_catalog_record(text), some_record());
}

TEST(record, a_later_version_is_read_for_the_fields_that_are_known) {
  auto text = replaced(print_catalog_record(some_record()), R"("version": 1)", R"("version": 7)");
  EXPECT_EQ(parse_catalog_record(text), some_record());
}

TEST(record, what_a_later_catalog_record_names_is_not_lost) {
  auto text = replaced(print_catalog_record(some_record()), R"("version": 1)", R"("version": 2)");
  auto back = parse_catalog_record(replaced(text, R"("Extracted")", R"("Verified")"));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->ref, some_record().ref);
  EXPECT_EQ(back->manifest, some_record().manifest);
  EXPECT_EQ(back->resolved, some_record().resolved);
  EXPECT_EQ(back->state, cache_state::error);
  EXPECT_FALSE(is_permanent(back->code));
}

TEST(record, facts_of_a_later_version_are_told_from_damaged_ones) {
  auto now = print_stored_cache(some_stored());
  auto later = replaced(now, R"("version": 1)", R"("version": 2)");
  EXPECT_TRUE(parse_stored_cache(later));
  auto novel = replaced(later, R"("triton")", R"(["triton", "vllm"])");
  EXPECT_FALSE(parse_stored_cache(novel));
  EXPECT_TRUE(may_be_facts_of_later_version(novel));
  EXPECT_FALSE(may_be_facts_of_later_version(replaced(now, R"("triton")", R"("zip")")));
  EXPECT_FALSE(may_be_facts_of_later_version("{}"));
  EXPECT_FALSE(may_be_facts_of_later_version(""));
}

TEST(record, a_hostile_catalog_record_is_refused_with_the_field) {
  const auto good = print_catalog_record(some_record());
  auto with = [&](std::string_view what, std::string_view by) {
    return why(replaced(good, what, by));
  };
  EXPECT_EQ(with(R"("version": 1)", R"("version": 0)"), "version must be 1 or more");
  EXPECT_EQ(with(R"("version": 1)", R"("version": "1")"), "version must be an integer");
  EXPECT_EQ(with(R"("version": 1,)", ""), "version is missing");
  EXPECT_EQ(with(R"("GKMCache")", R"("ClusterGKMCache")"), "kind does not fit the namespace");
  EXPECT_EQ(with(R"("namespace": "default",)", ""), "kind does not fit the namespace");
  EXPECT_EQ(with(R"("kind": "GKMCache",)", ""), "kind is missing");
  EXPECT_EQ(with(R"("default")", R"("../..")"), "name is not valid");
  EXPECT_EQ(with(R"("vector-add")", R"("a\u0000b")"), "name is not valid");
  EXPECT_EQ(with(R"("vector-add")", "7"), "name must be a string");
  EXPECT_EQ(with("sha256:bbb", "sha256:bb"), "resolvedDigest is no digest");
  EXPECT_EQ(with("sha256:aaa", "sha256:../"), "digest is no digest");
  EXPECT_EQ(with("Extracted", "extracted"), "state is unknown");
  EXPECT_EQ(with(R"("warpSize": 32)", R"("warpSize": 4294967296)"),
            "targets[0].warpSize must be an integer from 0 to 4294967295");
  EXPECT_EQ(with(R"("xnack": "on")", R"("xnack": "maybe")"),
            "targets[1].xnack must be any, off or on");
  EXPECT_EQ(with(R"("backend": "cuda",)", ""), "targets[0].backend is missing");
}

TEST(record, a_hostile_stored_cache_is_refused_with_the_field) {
  const auto good = print_stored_cache(some_stored());
  auto with = [&](std::string_view what, std::string_view by) {
    auto parsed = parse_stored_cache(replaced(good, what, by));
    return parsed ? "accepted" : parsed.error().message;
  };
  EXPECT_EQ(with("triton", "../../etc"), "type must be triton or vllm");
  EXPECT_EQ(with(R"("files": 7)", R"("files": -7)"), "files must be a non-negative integer");
  EXPECT_EQ(with("sha256:", ""), "manifest is no digest");
  std::string many = R"("problems": [)";
  for (int i = 0; i < 100; ++i) many += R"("x",)";
  EXPECT_EQ(with(R"("problems": [)", many), "problems has more than 64 elements");
  auto crowded = some_stored();
  crowded.targets.resize(max_record_targets + 1, {"hip", "gfx90a"});
  EXPECT_EQ(parse_stored_cache(print_stored_cache(crowded)).error().message,
            "targets has more than 64 elements");
}

TEST(record, a_gpu_number_that_does_not_fit_is_refused) {
  auto text = replaced(print_cache_status(some_status()), R"("id": -1)", R"("id": 4294967296)");
  auto parsed = parse_cache_status(text);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().message, "gpus[1].id is out of range");
}

TEST(record, the_empty_digest_is_no_facts) {
  auto parsed = parse_stored_cache(R"({"version": 1, "manifest": "", "type": "triton"})");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().message, "manifest is no digest");
}

TEST(record, texts_are_cut_and_made_printable) {
  auto record = some_record();
  record.reason = "\033[2J" + std::string(100'000, 'x');
  auto text = print_catalog_record(record);
  EXPECT_LT(text.size(), 4'096u);
  auto back = parse_catalog_record(text);
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->reason.starts_with("?[2Jx"));
  EXPECT_TRUE(back->reason.ends_with("..."));
  auto forged = parse_catalog_record(
      replaced(print_catalog_record(some_record()), "a reason", R"(\u001b[2J\nnew line)"));
  ASSERT_TRUE(forged);
  EXPECT_EQ(forged->reason, "?[2J?new line");
}

TEST(record, control_characters_reach_nobodys_terminal) {
  const auto good = print_cache_status(some_status());
  auto with = [&](std::string_view what, std::string_view by) {
    auto parsed = parse_cache_status(replaced(good, what, by));
    return parsed ? "accepted" : parsed.error().message;
  };
  EXPECT_EQ(with("quay.io", R"(\u001b[2J)"), "image has control characters");
  EXPECT_EQ(with("/var/lib", R"(\n/var)"), "path has control characters");
  EXPECT_EQ(with("gfx942", R"(\u0007)"), "stored.targets[2].arch has control characters");
  EXPECT_EQ(with(R"("hip")", R"("\u007f")"), "stored.targets[1].backend has control characters");
}

TEST(record, what_is_written_can_be_read_whatever_a_path_holds) {
  auto status = some_status();
  status.path = "/state\xff/content";
  auto back = parse_cache_status(print_cache_status(status));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->path, "/state?/content");
}

TEST(record, nesting_and_size_cost_no_stack) {
  constexpr size_t levels = max_record_bytes / 2 - 64;
  auto nested = [](size_t n) {
    auto nest = std::string(n, '[') + std::string(n, ']');
    return replaced(print_catalog_record(some_record()), "{", "{\"deep\": " + nest + ",");
  };
  EXPECT_EQ(parse_catalog_record(nested(63)), some_record());
  auto refused = parse_catalog_record(nested(levels));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "nested more than 64 levels deep");
  EXPECT_FALSE(parse_catalog_record(std::string(max_record_bytes, '[')));
  EXPECT_FALSE(parse_catalog_record(std::string(max_record_bytes, '\0')));
}

TEST(record, as_many_volumes_as_a_status_may_list_can_be_read_back) {
  auto s = some_status();
  s.volumes.clear();
  std::string name(253, 'n');
  for (size_t i = 0; i < max_status_volumes; ++i)
    s.volumes.push_back({"csi-" + std::string(64, 'v') + std::to_string(i), s.ref, digest_of('a'),
                         std::string(63, 'p'), name});
  auto text = print_cache_status(s);
  EXPECT_LE(text.size(), max_record_bytes);
  EXPECT_EQ(parse_cache_status(text), s);
}

}  // namespace gkm
