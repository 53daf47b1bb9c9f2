/// The deleter of a C library's object, for std::unique_ptr.
#pragma once

namespace gkm::base {

/// Calls `Free(p)`, such as X509_free.
template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};

}  // namespace gkm::base
