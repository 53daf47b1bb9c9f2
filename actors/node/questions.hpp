/// Small requests to registries on behalf of caches, a few at a time: tenants take turns
/// (base/turns.hpp). A part of the puller, in its thread.
///
///   asked ──turn──▶ running ──answered, abandoned or `question_max` over──▶ gone
/// A cache has one question at a time: another one takes the place of the first. Whatever ends a
/// question before its answer stops the work for it, so that its place is free at once.
#pragma once

#include "actors/node/ports.hpp"
#include "base/turns.hpp"
#include "messages/cache.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <stop_token>

namespace gkm::node {

constexpr size_t questions_of_one_max = 4;  ///< of `questions_max`, for one tenant
constexpr size_t questions_waiting_max = 4'096;
constexpr size_t questions_waiting_of_one_max = 1'024;
/// From its turn on: an index, its manifests and their configs, tokens and tries again included.
constexpr std::chrono::seconds question_max{60};

class questions {
public:
  /// Begins the work, which ends soon once `stop` is requested. `id` goes into `answered`.
  using work = std::function<void(uint64_t id, std::stop_token stop)>;
  /// Tells whoever asked that there will be no answer.
  using refusal = std::function<void(const error&)>;
  /// Runs something in the owner's thread after a pause.
  using timer = std::function<void(std::chrono::seconds, std::function<void()>)>;

  explicit questions(timer later) : later_(std::move(later)) {}
  ~questions();

  /// `image` is for errors.
  void ask(const cache_ref& who, const image_ref& image, work begin, refusal refuse);
  /// False if that question has been ended before: then its answer is nobody's.
  bool answered(const cache_ref& who, uint64_t id);
  void abandon(const cache_ref& who);

private:
  struct question {
    uint64_t id = 0;
    image_ref image;
    work begin;
    refusal refuse;
    std::stop_source stop;
    bool running = false;
  };

  void start_due();
  void expire(const cache_ref& who, uint64_t id);
  void end(const cache_ref& who, const error& why);

  const timer later_;
  std::map<cache_ref, question> asked_;
  base::turns<cache_ref> turns_{
      {questions_max, questions_of_one_max, questions_waiting_max, questions_waiting_of_one_max}};
  uint64_t next_id_ = 1;
};

}  // namespace gkm::node
