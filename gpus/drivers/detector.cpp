#include "gpus/drivers/detector.hpp"

#include "base/program/log.hpp"
#include "gpus/drivers/kfd.hpp"

namespace gkm::gpus {
namespace {

std::string seconds(std::chrono::milliseconds limit) {
  constexpr auto per_second = 1000;
  if (limit.count() % per_second == 0) return std::to_string(limit.count() / per_second) + " s";
  return std::to_string(limit.count()) + " ms";
}

void add(detected_gpus& all, const source_report& one, int32_t first_id) {
  for (auto g : one.gpus) {
    g.id += first_id;
    all.gpus.push_back(std::move(g));
  }
  all.problems.insert(all.problems.end(), one.problems.begin(), one.problems.end());
}

}  // namespace

detector::detector(driver_places places, std::chrono::milliseconds limit,
                   std::function<void()> answered_late)
    : limit_(limit) {
  // AMD's first: reading files cannot hang, so its GPUs keep their ids whatever NVIDIA's driver
  // does.
  sources_.push_back(
      {"AMD", bounded_source([root = places.root] { return scan_kfd(root); }, answered_late), {}});
  sources_.push_back(
      {"NVIDIA",
       bounded_source([library = places.nvml] { return scan_nvml(library); }, answered_late),
       {}});
}

detected_gpus detector::look() {
  for (auto& s : sources_) s.asked.ask();
  const auto until = std::chrono::steady_clock::now() + limit_;
  detected_gpus all;
  int32_t first_id = 0;
  for (auto& s : sources_) {
    if (auto found = s.asked.answer(until)) {
      s.last = std::move(*found);
    } else {
      s.last.present = true;
      s.last.problems = {"The " + s.name + " driver did not answer within " + seconds(limit_) +
                         "; its GPUs are taken to be as it told last, " +
                         std::to_string(s.last.gpus.size()) + " of them"};
    }
    base::log::debug("Asked a GPU driver", {{"driver", s.name},
                                            {"present", s.last.present},
                                            {"gpus", s.last.gpus.size()},
                                            {"problems", s.last.problems.size()}});
    if (s.last.present) all.drivers.push_back(s.name);
    add(all, s.last, first_id);
    first_id += s.last.count;
  }
  return all;
}

}  // namespace gkm::gpus
