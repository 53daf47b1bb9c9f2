/// What git calls the tree this program was built from, for example "v0.1.0-3-gabc1234".
#pragma once

namespace gkm::base {
const char* version();
}
