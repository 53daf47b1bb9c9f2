/// Lets somebody know which volumes wait: whoever waits for a cache watches its record.
#pragma once

#include "actors/csi/ports.hpp"

namespace gkm::csi {

class observed_catalog : public catalog_port {
public:
  struct observer {
    std::function<void()> begins;
    std::function<void()> ends;
  };

  /// `of` must outlive this.
  observed_catalog(catalog_port& of, observer tell) : of_(of), tell_(std::move(tell)) {}

  void lookup(const cache_ref& ref, answer<catalog_record> reply) override {
    of_.lookup(ref, std::move(reply));
  }
  std::unique_ptr<subscription> watch(const cache_ref& ref,
                                      std::function<void()> changed) override {
    return std::make_unique<observed_watch>(of_.watch(ref, std::move(changed)), tell_);
  }

private:
  class observed_watch : public subscription {
  public:
    observed_watch(std::unique_ptr<subscription> of, const observer& tell)
        : of_(std::move(of)), tell_(tell) {
      tell_.begins();
    }
    ~observed_watch() override {
      of_.reset();
      tell_.ends();
    }

  private:
    std::unique_ptr<subscription> of_;
    const observer& tell_;
  };

  catalog_port& of_;
  const observer tell_;
};

}  // namespace gkm::csi
