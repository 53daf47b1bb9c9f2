/// How a caller wants to use a volume, as CSI puts it.
#pragma once

#include "messages/errors.hpp"

#include <csi.pb.h>

namespace gkm::csi {

/// True if the volume is only to be read. A view is a directory for the pods of one node:
/// errc::invalid_argument if the request does not say what it wants, errc::incompatible if it wants
/// something else.
result<bool> wants_read_only(const ::csi::v1::NodePublishVolumeRequest& request);

}  // namespace gkm::csi
