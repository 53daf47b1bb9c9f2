#include "cli/machine/machine_document.hpp"
#include "cli/machine/machine_table.hpp"

#include <gmock/gmock.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace gkm::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

digest digest_of(char c) { return digest{std::string(64, c)}; }

machine_state one_ready() {
  machine_state m;
  m.running = true;
  cache_status s;
  s.ref = {"default", "c"};
  s.image = "a.example/b:c";
  s.state = cache_state::extracted;
  s.message = "2 GPUs can use it";
  s.resolved = digest_of('b');
  s.stored.manifest = digest_of('a');
  s.stored.cache_type = "triton";
  s.path = "/state/caches/ns/default/c/content";
  s.match = {true, {{0, true, ""}, {1, false, "built for others"}}};
  s.changed_unix_s = 1'000;
  m.caches.push_back(s);
  return m;
}

std::string text_of(const machine_state& m) { return machine_text(m, false, 0, false, 1'010); }

std::string json_of(const machine_state& m) {
  auto doc = machine_document(m, "here");
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> out(buffer);
  doc.Accept(out);
  return buffer.GetString();
}

}  // namespace

TEST(machine_text, leads_nobody_into_the_store) {
  auto text = text_of(one_ready());
  EXPECT_THAT(text, HasSubstr("1/2"));
  EXPECT_THAT(text, HasSubstr("gkm mount NAME PATH"));
  EXPECT_THAT(text, Not(HasSubstr("/state")));
  EXPECT_THAT(text, Not(HasSubstr("PODS")));
  EXPECT_THAT(json_of(one_ready()), Not(HasSubstr("/state")));
}

TEST(machine_text, lists_mounts_with_their_paths_even_of_caches_that_are_gone) {
  auto m = one_ready();
  m.mounts = {{"/cache", {"default", "c"}, digest_of('a'), view_kind::readonly, 1'000},
              {"/other", {"", "gone"}, digest_of('b'), view_kind::overlay, 1'000}};
  auto text = text_of(m);
  EXPECT_THAT(text, testing::ContainsRegex("/cache +default/c +read-only"));
  EXPECT_THAT(text, testing::ContainsRegex("/other +gone +overlay"));
  EXPECT_THAT(text, Not(HasSubstr("Use a cache")));
  m.caches.clear();
  EXPECT_THAT(text_of(m), HasSubstr("/other"));
}

TEST(machine_text, has_pods_where_there_are_pods) {
  auto m = one_ready();
  m.caches[0].volumes = {{"csi-1", {"default", "c"}, digest_of('a'), "default", "pod"}};
  EXPECT_THAT(text_of(m), HasSubstr("PODS"));
  EXPECT_THAT(json_of(m), HasSubstr(R"("podsRunning":1)"));
}

TEST(machine_document, has_the_form_of_a_cluster_s) {
  auto json = json_of(one_ready());
  for (const auto* field :
       {R"("kind":"GKMCache")", R"("resolvedDigest":"sha256:bbb)", R"("ready":true)",
        R"("nodesReady":1)", R"("onNodes":[{"node":"here")", R"("compatibleGPUs":[0])",
        R"("incompatibleGPUs":[{"id":1,"reason":"built for others"}])", R"("type":"Ready")",
        R"("notes":[])", R"("problems":[])", R"("running":true)", R"("mounts":[])"})
    EXPECT_THAT(json, HasSubstr(field));
}

}  // namespace gkm::cli
