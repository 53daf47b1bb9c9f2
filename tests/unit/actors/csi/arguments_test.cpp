#include "actors/csi/arguments.hpp"

#include "messages/names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace gkm::csi {
namespace {

using testing::HasSubstr;
using attributes = std::map<std::string, std::string>;

constexpr auto root = "/var/lib/kubelet";
constexpr auto target = "/var/lib/kubelet/pods/1/volumes/kubernetes.io~csi/cache/mount";

attributes plain() {
  return {{attribute::cache, "vector-add"},
          {attribute::ns, "team"},
          {attribute::ephemeral, "true"},
          {attribute::pod_name, "pod-1"},
          {attribute::pod_ns, "team"},
          {attribute::pod_uid, "7c1e"},
          {"csi.storage.k8s.io/serviceAccount.name", "default"}};
}

attributes with(const char* name, const std::string& value) {
  auto a = plain();
  a[name] = value;
  return a;
}

attributes without(const char* name) {
  auto a = plain();
  a.erase(name);
  return a;
}

result<publish_request> parse(const attributes& a, bool read_only = false) {
  return parse_publish("csi-1", target, a, read_only, root);
}

struct refusal {
  attributes given;
  errc code;
  const char* says;
};

bool is_printable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

TEST(arguments, take_what_a_pod_says) {
  auto a = plain();
  a[attribute::wait] = "2m";
  a[attribute::fallback] = "empty";
  a[attribute::view] = "copy";
  a[attribute::mount_path] = "/cache/triton/";
  a[attribute::scratch_size] = "512Mi";
  auto q = parse(a);
  ASSERT_TRUE(q) << q.error().message;
  publish_request expected{"csi-1", target,          {"team", "vector-add"}, "team",    "pod-1",
                           "7c1e",  view_kind::copy, "/cache/triton",        512 << 20, 120,
                           true};
  EXPECT_EQ(*q, expected);
}

TEST(arguments, have_defaults) {
  auto q = parse(plain());
  ASSERT_TRUE(q) << q.error().message;
  EXPECT_EQ(q->view, view_kind::overlay);
  EXPECT_EQ(q->wait_s, default_wait_s);
  EXPECT_EQ(q->scratch_bytes, default_scratch_bytes);
  EXPECT_EQ(q->mount_path, "");
  EXPECT_FALSE(q->fallback_empty);
}

TEST(arguments, without_a_namespace_mean_a_cluster_cache) {
  auto a = without(attribute::ns);
  for (const auto* name : {attribute::pod_ns, attribute::pod_name, attribute::pod_uid})
    a.erase(name);
  auto q = parse(a);
  ASSERT_TRUE(q) << q.error().message;
  EXPECT_TRUE(q->ref.is_cluster());
}

TEST(arguments, read_only_wins_over_how_it_is_made) {
  EXPECT_EQ(parse(plain(), true)->view, view_kind::readonly);
  EXPECT_EQ(parse(with(attribute::view, "copy"), true)->view, view_kind::copy);
  EXPECT_EQ(parse(with(attribute::view, "overlay"), true)->view, view_kind::readonly);
}

TEST(arguments, take_quantities_as_kubernetes_writes_them) {
  for (const auto& [text, bytes] : std::map<std::string, uint64_t>{{"1", 1},
                                                                   {"1k", 1'000},
                                                                   {"1G", 1'000'000'000},
                                                                   {"10Gi", 10ULL << 30},
                                                                   {"3Ti", 3ULL << 40}}) {
    auto q = parse(with(attribute::scratch_size, text));
    ASSERT_TRUE(q) << text;
    EXPECT_EQ(q->scratch_bytes, bytes) << text;
  }
  for (const auto& [text, seconds] :
       std::map<std::string, uint32_t>{{"0", 0}, {"45", 45}, {"30s", 30}, {"10m", 600}}) {
    auto q = parse(with(attribute::wait, text));
    ASSERT_TRUE(q) << text;
    EXPECT_EQ(q->wait_s, seconds) << text;
  }
}

TEST(arguments, take_the_longest_names_and_no_longer) {
  auto label = std::string(63, 'a');
  auto longest = label + '.' + label + '.' + label + '.' + std::string(61, 'a');
  ASSERT_EQ(longest.size(), 253u);
  EXPECT_TRUE(parse(with(attribute::cache, longest)));
  EXPECT_FALSE(parse(with(attribute::cache, longest + 'a')));
}

TEST(arguments, refuse_what_is_wrong_and_say_so) {
  const std::vector<refusal> cases{
      {without(attribute::cache), errc::invalid_argument, attribute::cache},
      {with(attribute::cache, ""), errc::invalid_argument, "not a valid name"},
      {with(attribute::cache, "../other/x"), errc::invalid_argument, "../other/x"},
      {with(attribute::cache, "a\nb"), errc::invalid_argument, "a?b"},
      {with(attribute::cache, std::string(4'096, 'a')), errc::invalid_argument, "..."},
      {with(attribute::ns, ""), errc::invalid_argument, "leave it out"},
      {with(attribute::ns, ".."), errc::invalid_argument, "not a valid name"},
      {with(attribute::ns, "other"), errc::unauthorized, "may not use 'GKMCache other/vector-add'"},
      {without(attribute::pod_ns), errc::invalid_argument, "podInfoOnMount"},
      {with(attribute::pod_ns, ""), errc::invalid_argument, "podInfoOnMount"},
      {with(attribute::pod_ns, "Te/am"), errc::invalid_argument, attribute::pod_ns},
      {with(attribute::pod_name, "a/b"), errc::invalid_argument, attribute::pod_name},
      {with(attribute::pod_uid, "a\nb"), errc::invalid_argument, attribute::pod_uid},
      {with(attribute::pod_uid, std::string(129, 'a')), errc::invalid_argument, attribute::pod_uid},
      {with(attribute::ephemeral, "false"), errc::invalid_argument, "inline"},
      {with("csi.gkm.io/moutPath", "/x"), errc::invalid_argument,
       "there are csi.gkm.io/GKMCache, "},
      {with("csi.gkm.io/\xff\n", "/x"), errc::invalid_argument, "'csi.gkm.io/\?\?' is unknown"},
      {with(attribute::wait, "soon"), errc::invalid_argument, "'soon'"},
      {with(attribute::wait, ""), errc::invalid_argument, "'30s'"},
      {with(attribute::wait, "-1"), errc::invalid_argument, "'-1'"},
      {with(attribute::wait, "601"), errc::invalid_argument, "600"},
      {with(attribute::wait, "11m"), errc::invalid_argument, "600"},
      {with(attribute::wait, "1h"), errc::invalid_argument, "'1h'"},
      {with(attribute::wait, "30 s"), errc::invalid_argument, "'30 s'"},
      {with(attribute::wait, "99999999999999999999"), errc::invalid_argument, "600"},
      {with(attribute::fallback, "none"), errc::invalid_argument, "'empty'"},
      {with(attribute::view, "readonly"), errc::invalid_argument, "readOnly: true"},
      {with(attribute::view, "empty"), errc::invalid_argument, "'overlay' or 'copy'"},
      {with(attribute::mount_path, ""), errc::invalid_argument, "absolute"},
      {with(attribute::mount_path, "/"), errc::invalid_argument, "absolute"},
      {with(attribute::mount_path, "cache"), errc::invalid_argument, "absolute"},
      {with(attribute::mount_path, "/a/../b"), errc::invalid_argument, "absolute"},
      {with(attribute::mount_path, "/a\nb"), errc::invalid_argument, "/a?b"},
      {with(attribute::mount_path, "/a\xff"), errc::invalid_argument, "/a?"},
      {with(attribute::mount_path, "/" + std::string(4'096, 'a')), errc::invalid_argument, "..."},
      {with(attribute::scratch_size, "0"), errc::invalid_argument, "above zero"},
      {with(attribute::scratch_size, "1.5Gi"), errc::invalid_argument, "whole"},
      {with(attribute::scratch_size, "-1Gi"), errc::invalid_argument, "whole"},
      {with(attribute::scratch_size, "10GB"), errc::invalid_argument, "whole"},
      {with(attribute::scratch_size, "99999999Ti"), errc::invalid_argument, "whole"}};
  for (const auto& c : cases) {
    auto q = parse(c.given);
    ASSERT_FALSE(q) << c.says;
    EXPECT_EQ(q.error().code, c.code) << q.error().message;
    EXPECT_THAT(q.error().message, HasSubstr(c.says));
    EXPECT_TRUE(is_printable(q.error().message)) << q.error().message;
    EXPECT_LT(q.error().message.size(), 1'000u);
  }
}

TEST(arguments, volume_ids_are_bounded_and_plain) {
  EXPECT_TRUE(check_volume_id("csi-0123"));
  EXPECT_TRUE(check_volume_id("a/../b"));
  EXPECT_TRUE(check_volume_id(std::string(max_volume_id_chars, 'a')));
  for (const auto& id : {std::string(), std::string(max_volume_id_chars + 1, 'a'),
                         std::string("a\nb"), std::string("a\0b", 3), std::string("\xff")}) {
    ASSERT_FALSE(check_volume_id(id));
    EXPECT_EQ(check_volume_id(id).error().code, errc::invalid_argument);
    EXPECT_FALSE(parse_publish(id, target, plain(), false, root));
  }
}

TEST(arguments, targets_lie_beneath_kubelets_directory) {
  EXPECT_TRUE(check_target(target, root));
  EXPECT_TRUE(check_target(target, "/var/lib/kubelet/"));
  EXPECT_TRUE(check_target("/x", "/"));
  for (const auto* path :
       {"", "/", "relative", "/var/lib/kubelet", "/var/lib/kubelet/", "/var/lib/kubelet-2/x",
        "/var/lib/kubelet/../x", "/var/lib/kubelet/a/../../b", "/var/lib/kubelet//a",
        "/var/lib/kubelet/a/.", "/var/lib/kubelet/a/", "/etc/passwd", "/var/lib/kubelet/a\nb",
        "/var/lib/kubelet/\xff"}) {
    ASSERT_FALSE(check_target(path, root)) << path;
    EXPECT_EQ(check_target(path, root).error().code, errc::invalid_argument);
    EXPECT_FALSE(parse_publish("csi-1", path, plain(), false, root));
  }
  EXPECT_FALSE(check_target(std::string(root) + "/" + std::string(max_path_chars, 'a'), root));
  auto longest = std::string(root) + "/" + std::string(255, 'a');
  EXPECT_TRUE(check_target(longest, root));
  EXPECT_FALSE(check_target(longest + 'a', root));
  EXPECT_FALSE(check_target(longest + "a/mount", root));
}

}  // namespace gkm::csi
