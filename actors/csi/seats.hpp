/// Places for the requests of tenants, which are refused where there is none. A tenant gets another
/// one while it holds fewer than are free: alone half of all, together with `n` others one part in
/// `n + 2`, and who holds none finds one. Pure, for one thread.
#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace gkm::csi {

class seats {
public:
  seats(size_t all, size_t of_one) : all_(all), of_one_(of_one) {}

  bool take(const std::string& tenant) {
    auto at = taken_.find(tenant);
    auto own = at == taken_.end() ? 0 : at->second;
    if (own >= of_one_ || own >= all_ - sum_) return false;
    ++taken_[tenant];
    ++sum_;
    return true;
  }
  void leave(const std::string& tenant) {
    auto at = taken_.find(tenant);
    if (at == taken_.end()) return;
    --sum_;
    if (--at->second == 0) taken_.erase(at);
  }

  size_t taken() const { return sum_; }
  size_t taken_by(const std::string& tenant) const {
    auto at = taken_.find(tenant);
    return at == taken_.end() ? 0 : at->second;
  }

private:
  const size_t all_;
  const size_t of_one_;
  std::map<std::string, size_t> taken_;
  size_t sum_ = 0;
};

}  // namespace gkm::csi
