/// What a process that idles for weeks needs not keep.
#pragma once

namespace gkm::base {

/// Every thread that ever allocates would keep an arena of its own. Before any is made.
void keep_memory_small();

/// Gives back what starting up or a burst of work has touched: free heap, and the code and constants
/// of programs and libraries, which come back from the page cache when they are needed again.
void give_back_memory();

}  // namespace gkm::base
