#include "actors/csi/paced_file.hpp"

#include "base/files.hpp"
#include "base/program/log.hpp"

namespace gkm::csi {

paced_file::paced_file(std::filesystem::path file, std::function<std::string()> print,
                       std::chrono::milliseconds pause)
    : file_(std::move(file)),
      print_(std::move(print)),
      pause_(pause),
      thread_([this] { follow(); }) {}

paced_file::~paced_file() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  news_.notify_one();
  thread_.join();
}

void paced_file::changed() {
  {
    std::lock_guard lock(mutex_);
    due_ = true;
  }
  news_.notify_one();
}

void paced_file::follow() {
  std::unique_lock lock(mutex_);
  for (;;) {
    news_.wait(lock, [this] { return due_ || ending_; });
    if (!due_) return;
    due_ = false;
    lock.unlock();
    write();
    lock.lock();
    news_.wait_for(lock, pause_, [this] { return ending_; });
  }
}

void paced_file::write() {
  auto written = base::write_file_atomically(file_, print_());
  if (!written && !failed_)
    base::log::warn("Cannot write a file, trying again after the next change",
                    {{"file", file_.string()}, {"error", written.error().message}});
  failed_ = !written;
}

}  // namespace gkm::csi
