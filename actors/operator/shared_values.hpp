/// One copy of each value, for as long as it is in use. Owned by one actor; the copies are
/// immutable and may be sent to other actors.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <unordered_set>

namespace gkm::op {

template <class T, class Hash = std::hash<T>>
class shared_values {
public:
  using handle = std::shared_ptr<const T>;

  handle share(const T& value) {
    auto at = all_.find(value);
    if (at != all_.end()) return *at;
    if (all_.size() >= sweep_at_) sweep();
    return *all_.insert(std::make_shared<const T>(value)).first;
  }
  bool contains(const T& value) const { return all_.find(value) != all_.end(); }
  /// Drops what nobody else has.
  void sweep() {
    std::erase_if(all_, [](const handle& one) { return one.use_count() == 1; });
    sweep_at_ = std::max(sweep_least, 2 * all_.size());
  }
  size_t size() const { return all_.size(); }
  template <class Predicate>
  size_t count_if(Predicate is_one) const {
    return static_cast<size_t>(
        std::count_if(all_.begin(), all_.end(), [&](const handle& one) { return is_one(*one); }));
  }

private:
  static constexpr size_t sweep_least = 1'024;

  struct hashed {
    using is_transparent = void;
    size_t operator()(const T& value) const { return Hash{}(value); }
    size_t operator()(const handle& one) const { return Hash{}(*one); }
  };
  struct equal {
    using is_transparent = void;
    bool operator()(const handle& a, const handle& b) const { return *a == *b; }
    bool operator()(const handle& a, const T& b) const { return *a == b; }
    bool operator()(const T& a, const handle& b) const { return a == *b; }
  };

  std::unordered_set<handle, hashed, equal> all_;
  size_t sweep_at_ = sweep_least;
};

}  // namespace gkm::op
