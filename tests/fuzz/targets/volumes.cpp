// What kubelet passes on of a pod's own words, and the kernel's table of mounts.
#include "actors/csi/arguments.hpp"
#include "actors/csi/mounts/mount_table.hpp"
#include "messages/names.hpp"
#include "messages/quantity.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <filesystem>

namespace gkm::fuzz {
namespace {

using namespace csi;

constexpr auto kubelet_root = "/var/lib/kubelet";

// The volume's id, its target, "ro" or not, then attributes: name=value, a line each.
void read_publish(std::string_view input) {
  auto [id, after_id] = first_line(input);
  auto [target, after_target] = first_line(after_id);
  auto [mode, rest] = first_line(after_target);
  std::map<std::string, std::string> context;
  for (auto line : lines(rest)) {
    auto equals = std::min(line.find('='), line.size());
    context.emplace(line.substr(0, equals), line.substr(std::min(equals + 1, line.size())));
  }
  work_meter work;
  auto wanted =
      parse_publish(std::string(id), std::string(target), context, mode == "ro", kubelet_root);
  work.require_at_most(64 << 10, 64, input.size(), "a volume's attributes");
  if (!wanted) return require(!wanted.error().message.empty(), "an error without a text");
  const std::filesystem::path path = wanted->target;
  require(path == path.lexically_normal() && wanted->target.starts_with("/var/lib/kubelet/"),
          "a target is not beneath kubelet's root");
  require(cache_ref::make(wanted->ref.ns, wanted->ref.name).has_value(), "a name that is none");
  require(wanted->ref.is_cluster() || wanted->ref.ns == wanted->pod_ns,
          "another namespace's cache");
  require(context.find(attribute::pod_ns) == context.end() ||
              wanted->pod_ns == context.at(attribute::pod_ns),
          "another pod's namespace");
  require(wanted->mount_path.empty() || is_normal_path(wanted->mount_path),
          "a mount path that is none");
  require(wanted->view != view_kind::empty && wanted->wait_s <= longest_wait_s &&
              wanted->scratch_bytes > 0,
          "a request beyond its limits");
  require(mode == "ro" || wanted->view != view_kind::readonly, "read-only or not");
  volume_record record;
  record.volume_id = wanted->volume_id, record.target = wanted->target, record.ref = wanted->ref;
  record.boot = "b", record.mount_path = wanted->mount_path, record.view = wanted->view;
  record.pod_ns = wanted->pod_ns, record.pod_name = wanted->pod_name,
  record.pod_uid = wanted->pod_uid;
  record.manifest = digest{std::string(64, 'a')};
  auto read = parse_volume_record(print_volume_record(record));
  require_ok(read, "the record of a volume is not read");
  require(*read == record, "the record of a volume reads as another");
}

void read_quantity(std::string_view input) {
  if (auto bytes = parse_bytes(input))
    require(parse_bytes(std::to_string(*bytes)) == bytes, "plain bytes are others");
  if (auto seconds = parse_seconds(input))
    require(parse_seconds(std::to_string(*seconds)) == seconds, "plain seconds are others");
}

void read_mounts(std::string_view input) {
  work_meter work;
  const auto all = parse_mount_table(input);
  work.require_at_most(16 << 10, 512, input.size(), "a table of mounts");
  require(all.size() <= lines(input).size(), "more mounts than lines");
  for (const auto& m : all) require(!m.type.empty(), "a mount without a type");
}

}  // namespace

std::vector<subject> subjects() {
  const std::string target = "/var/lib/kubelet/pods/u/volumes/kubernetes.io~csi/k/mount";
  const std::string pod =
      "csi.storage.k8s.io/ephemeral=true\ncsi.storage.k8s.io/pod.name=p\n"
      "csi.storage.k8s.io/pod.namespace=ns\ncsi.storage.k8s.io/pod.uid=u\n";
  return {
      {"publish",
       read_publish,
       {"csi-1\n" + target +
            "\nrw\ncsi.gkm.io/GKMCache=c\ncsi.gkm.io/namespace=ns\ncsi.gkm.io/mountPath=/cache/\n"
            "csi.gkm.io/wait=2m\ncsi.gkm.io/fallback=empty\ncsi.gkm.io/"
            "scratchSize=10Gi\ncsi.gkm.io/view=copy\n" +
            pod,
        "csi-2\n" + target + "\nro\ncsi.gkm.io/GKMCache=c\n" + pod,
        "csi-3\n/var/lib/kubelet/../x\nrw\ncsi.gkm.io/GKMCache=c\n",
        "csi-4\n" + target + "\nrw\ncsi.gkm.io/typo=c\n" + pod}},
      {"quantity",
       read_quantity,
       {"10Gi", "512Mi", "1G", "17", "2m", "30s", "18446744073709551615", "16Ei", "1e3", "1.5Gi"}},
      {"mounts",
       read_mounts,
       {"36 35 98:0 /mnt1 /mnt/a\\040b rw,noatime master:1 shared:2 - ext3 /dev/root "
        "rw,errors=continue\n"
        "37 35 0:5 / /proc rw - proc proc rw\n\n1 2 x\n38 36 0:6 /a\\134 /b\\999 rw - overlay o "
        "rw\n"}},
  };
}

std::vector<std::string> tokens() {
  return {"csi.gkm.io/GKMCache=",
          "csi.gkm.io/namespace=",
          "csi.gkm.io/mountPath=/",
          "csi.gkm.io/view=overlay",
          "csi.gkm.io/wait=",
          "csi.gkm.io/scratchSize=",
          "csi.storage.k8s.io/pod.namespace=",
          "/var/lib/kubelet/",
          "/../",
          "//",
          "Ki",
          "Ti",
          "Ei",
          "k",
          "m",
          "s",
          "-",
          "\\040",
          "\\777",
          " - ",
          "\xc2\x80",
          "\x7f"};
}

}  // namespace gkm::fuzz
