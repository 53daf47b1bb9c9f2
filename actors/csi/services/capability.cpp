#include "actors/csi/services/capability.hpp"

namespace gkm::csi {
namespace {

using ::csi::v1::VolumeCapability;

result<void> check_access_type(const VolumeCapability& capability) {
  if (capability.has_block())
    return fail(errc::incompatible,
                "Cannot publish as a block device: a cache is a directory; use volumeMounts, not "
                "volumeDevices");
  if (!capability.has_mount())
    return fail(errc::invalid_argument, "volume_capability names no access type");
  if (!capability.mount().mount_flags().empty())
    return fail(errc::incompatible,
                "Cannot publish with mount flags: a view's own are fixed; remove mountOptions");
  return {};
}

}  // namespace

result<bool> wants_read_only(const ::csi::v1::NodePublishVolumeRequest& request) {
  if (!request.has_volume_capability())
    return fail(errc::invalid_argument, "volume_capability is missing");
  const auto& capability = request.volume_capability();
  if (auto checked = check_access_type(capability); !checked) return fail(checked.error());
  switch (capability.access_mode().mode()) {
    case VolumeCapability::AccessMode::SINGLE_NODE_READER_ONLY:
      return true;
    case VolumeCapability::AccessMode::SINGLE_NODE_WRITER:
    case VolumeCapability::AccessMode::SINGLE_NODE_SINGLE_WRITER:
    case VolumeCapability::AccessMode::SINGLE_NODE_MULTI_WRITER:
      return request.readonly();
    case VolumeCapability::AccessMode::MULTI_NODE_READER_ONLY:
    case VolumeCapability::AccessMode::MULTI_NODE_SINGLE_WRITER:
    case VolumeCapability::AccessMode::MULTI_NODE_MULTI_WRITER:
      return fail(errc::incompatible,
                  "Cannot publish for several nodes: a view belongs to the pods of one; use an "
                  "inline ephemeral volume");
    default:
      return fail(errc::invalid_argument, "volume_capability has no access mode that CSI knows");
  }
}

}  // namespace gkm::csi
