#include "oci/extract/block_pool.hpp"

#include <condition_variable>
#include <mutex>
#include <vector>

namespace gkm::oci {

struct block_pool::state {
  std::mutex mutex;
  std::condition_variable freed;
  std::vector<std::unique_ptr<std::byte[]>> free;
  size_t unmade = 0;  // buffers are made when first needed: a small layer needs one
  size_t bytes_each = 0;
  bool closed = false;

  void put(std::byte* buffer) {
    {
      std::lock_guard lock(mutex);
      free.emplace_back(buffer);  // has room: reserved for all buffers
    }
    freed.notify_one();
  }
};

block_pool::block_pool(size_t count, size_t bytes_each) : state_(std::make_shared<state>()) {
  state_->free.reserve(count);
  state_->unmade = count;
  state_->bytes_each = bytes_each;
}

size_t block_pool::bytes_each() const { return state_->bytes_each; }

std::shared_ptr<std::byte[]> block_pool::acquire() {
  auto& s = *state_;
  std::unique_ptr<std::byte[]> buffer;
  {
    std::unique_lock lock(s.mutex);
    s.freed.wait(lock, [&] { return s.closed || !s.free.empty() || s.unmade > 0; });
    if (s.closed) return nullptr;
    if (!s.free.empty()) {
      buffer = std::move(s.free.back());  // the last one back is the likeliest to be in a cache
      s.free.pop_back();
    } else {
      buffer = std::make_unique_for_overwrite<std::byte[]>(s.bytes_each);
      --s.unmade;
    }
  }
  return {buffer.release(), [owner = state_](std::byte* b) { owner->put(b); }};
}

void block_pool::close() {
  {
    std::lock_guard lock(state_->mutex);
    state_->closed = true;
  }
  state_->freed.notify_all();
}

}  // namespace gkm::oci
