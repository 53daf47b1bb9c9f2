#include "actors/operator/tls/rotation.hpp"

#include <algorithm>

namespace gkm::op {
namespace {

constexpr int64_t clock_skew_s = 300;  // among the machines of a cluster
constexpr int64_t longest_review_s = 43'200;
constexpr const char* authority_name = "GKM admission webhook authority";

struct age {
  int64_t made_unix_s = 0;
  int64_t old_unix_s = 0;
  int64_t until_unix_s = 0;
};

std::optional<age> age_of(const std::string& pem) {
  auto facts = read_certificate(pem);
  if (!facts) return std::nullopt;
  auto made = facts->valid.from_unix_s + clock_skew_s;
  auto until = facts->valid.until_unix_s;
  return age{made, made + (until - made) / 3 * 2, until};
}

validity from(int64_t now, int64_t life_s) { return {now - clock_skew_s, now + life_s}; }

/// One look at the state, in the order of the picture in the header.
class look {
public:
  look(certificate_state state, const rotation_rules& rules, int64_t now)
      : state_(std::move(state)), rules_(rules), now_(now) {
    names_ = rules.names;
    std::sort(names_.begin(), names_.end());
  }

  result<rotation_plan> run() {
    const auto before = state_;
    if (auto fine = renew_authority(); !fine) return fail(fine.error());
    if (auto fine = renew_serving(); !fine) return fail(fine.error());
    forget_authorities();
    rotation_plan plan;
    if (state_ != before) plan.wanted = state_;
    plan.review_unix_s = std::max(now_ + 1, std::min(review_, now_ + longest_review_s));
    return plan;
  }

private:
  void review_at(int64_t unix_s) {
    if (unix_s > now_) review_ = std::min(review_, unix_s);
  }

  bool is_usable(const std::vector<std::string>& all) const {
    if (all.empty() || !is_key_of(all.front(), state_.authority_key)) return false;
    auto newest = age_of(all.front());
    return newest && newest->until_unix_s > now_ && newest->made_unix_s <= now_ + clock_skew_s;
  }

  result<void> renew_authority() {
    auto all = split_certificates(state_.authorities);
    bool usable = is_usable(all);
    auto newest = usable ? age_of(all.front()) : std::nullopt;
    if (usable && newest->old_unix_s > now_) {
      review_at(newest->old_unix_s);
      return {};
    }
    auto made = make_authority(authority_name, from(now_, rules_.authority_life_s));
    if (!made) return fail(made.error());
    // What cannot be used to sign may still be what is served by: it stays trusted.
    state_.authorities = made->cert_pem + state_.authorities;
    state_.authority_key = made->key_pem;
    return {};
  }

  // The authority that the served certificate is from; nothing if it cannot be served.
  std::optional<std::string> issuer(const std::vector<std::string>& all) const {
    auto facts = read_certificate(state_.serving.cert_pem);
    if (!facts || facts->names != names_ || facts->valid.until_unix_s <= now_) return std::nullopt;
    if (facts->valid.from_unix_s > now_ + clock_skew_s) return std::nullopt;
    if (!is_key_of(state_.serving.cert_pem, state_.serving.key_pem)) return std::nullopt;
    for (const auto& authority : all) {
      auto valid = age_of(authority);
      if (valid && valid->until_unix_s > now_ && is_issued_by(state_.serving.cert_pem, authority))
        return authority;
    }
    return std::nullopt;
  }

  result<void> renew_serving() {
    auto all = split_certificates(state_.authorities);
    auto by = issuer(all);
    auto old_from = by ? age_of(state_.serving.cert_pem).value_or(age{}).old_unix_s : 0;
    auto trusted_from = age_of(all.front())->made_unix_s + rules_.overlap_s;
    bool by_newest = by && *by == all.front();
    bool due = !by || (now_ >= trusted_from && (!by_newest || old_from <= now_));
    if (!due) {
      review_at(by_newest ? old_from : trusted_from);
      return {};
    }
    auto until = age_of(all.front())->until_unix_s;
    auto valid = from(now_, rules_.serving_life_s);
    valid.until_unix_s = std::min(valid.until_unix_s, until);
    auto made = issue_certificate({all.front(), state_.authority_key}, rules_.names, valid);
    if (!made) return fail(made.error());
    state_.serving = std::move(*made);
    return {};
  }

  void forget_authorities() {
    auto all = split_certificates(state_.authorities);
    auto serving = age_of(state_.serving.cert_pem);
    bool settled = serving && is_issued_by(state_.serving.cert_pem, all.front());
    auto forget_from = serving ? serving->made_unix_s + rules_.overlap_s : 0;
    constexpr size_t most = 4;
    if (settled && now_ >= forget_from)
      all.resize(1);
    else if (all.size() > 1 && settled)
      review_at(forget_from);
    all.resize(std::min(all.size(), most));
    state_.authorities.clear();
    for (const auto& one : all) state_.authorities += one;
  }

  certificate_state state_;
  const rotation_rules& rules_;
  const int64_t now_;
  std::vector<std::string> names_;
  int64_t review_ = INT64_MAX;
};

}  // namespace

result<rotation_plan> plan_rotation(const certificate_state& now_is, const rotation_rules& rules,
                                    int64_t now_unix_s) {
  return look(now_is, rules, now_unix_s).run();
}

}  // namespace gkm::op
