#include "actors/operator/tls/rotation.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace gkm::op {
namespace {

constexpr int64_t day_s = 86'400;
constexpr int64_t start = 1'750'000'000;

rotation_rules rules() {
  rotation_rules r;
  r.names = {"gkm-webhook.gkm-system.svc", "127.0.0.1", "::1"};
  return r;
}

certificate_state made(int64_t now) {
  auto plan = plan_rotation({}, rules(), now);
  EXPECT_TRUE(plan && plan->wanted);
  return *plan->wanted;
}

bool is_trusted(const certificate_state& serving, const std::string& authorities) {
  auto all = split_certificates(authorities);
  return std::any_of(all.begin(), all.end(), [&](const auto& authority) {
    return is_issued_by(serving.serving.cert_pem, authority);
  });
}

TEST(certificate, is_for_the_names_it_was_made_for) {
  auto state = made(start);
  auto facts = read_certificate(state.serving.cert_pem);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->names,
            (std::vector<std::string>{"127.0.0.1", "::1", "gkm-webhook.gkm-system.svc"}));
  EXPECT_EQ(facts->valid.until_unix_s, start + 90 * day_s);
  EXPECT_TRUE(is_key_of(state.serving.cert_pem, state.serving.key_pem));
  EXPECT_FALSE(is_key_of(state.serving.cert_pem, state.authority_key));
  EXPECT_TRUE(is_trusted(state, state.authorities));
  EXPECT_FALSE(is_trusted(state, made(start).authorities)) << "another authority of that name";
}

TEST(certificate, hostile_texts_are_no_certificates) {
  for (const char* text : {"", "-----BEGIN CERTIFICATE-----", "x",
                           "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
    EXPECT_FALSE(read_certificate(text));
    EXPECT_TRUE(split_certificates(text).empty());
    EXPECT_FALSE(is_issued_by(text, text));
    EXPECT_FALSE(is_key_of(text, text));
  }
}

TEST(rotation, changes_nothing_that_is_good) {
  auto plan = plan_rotation(made(start), rules(), start + day_s);
  ASSERT_TRUE(plan);
  EXPECT_FALSE(plan->wanted);
  EXPECT_GT(plan->review_unix_s, start + day_s);
}

TEST(rotation, makes_anew_what_cannot_be_used) {
  auto good = made(start);
  auto no_key = good;
  no_key.authority_key = "x";
  auto wrong_key = good;
  wrong_key.serving.key_pem = good.authority_key;
  auto garbage = good;
  garbage.serving.cert_pem = "x";
  for (const auto& bad : {no_key, wrong_key, garbage}) {
    auto plan = plan_rotation(bad, rules(), start + day_s);
    ASSERT_TRUE(plan);
    ASSERT_TRUE(plan->wanted);
    EXPECT_TRUE(is_trusted(*plan->wanted, plan->wanted->authorities));
  }
  auto other = rules();
  other.names.emplace_back("another.example.com");
  EXPECT_TRUE(plan_rotation(good, other, start + day_s)->wanted);
}

TEST(rotation, trusts_a_new_authority_before_it_is_served_and_the_old_one_after) {
  auto state = made(start);
  auto old_authority = state.authorities;
  auto now = start;
  while (true) {  // up to the new authority, past renewed certificates
    auto plan = plan_rotation(state, rules(), now);
    ASSERT_TRUE(plan);
    if (plan->wanted) state = *plan->wanted;
    if (split_certificates(state.authorities).size() > 1) break;
    ASSERT_LT(now, start + 365 * day_s);
    now = plan->wanted ? now + 1 : plan->review_unix_s;
  }
  EXPECT_TRUE(is_trusted(state, old_authority)) << "readers may not know the new one yet";

  now += rules().overlap_s;
  state = plan_rotation(state, rules(), now)->wanted.value();
  EXPECT_FALSE(is_trusted(state, old_authority));
  EXPECT_EQ(split_certificates(state.authorities).size(), 2U);

  now += rules().overlap_s;
  state = plan_rotation(state, rules(), now)->wanted.value();
  EXPECT_EQ(split_certificates(state.authorities).size(), 1U);
}

// Several lives of an authority, and readers who are late by up to the overlap: none ever meets a
// certificate that he does not trust, or that has run out.
TEST(rotation, is_never_seen_by_late_readers) {
  struct moment {
    int64_t when;
    certificate_state state;
  };
  auto r = rules();
  r.authority_life_s = 20 * day_s;
  r.serving_life_s = 5 * day_s;
  std::deque<moment> past{{start, plan_rotation({}, r, start)->wanted.value()}};
  size_t rotations = 0;
  for (auto now = start; now < start + 60 * day_s;) {
    auto plan = plan_rotation(past.back().state, r, now);
    ASSERT_TRUE(plan);
    if (plan->wanted) {
      past.push_back({now, *plan->wanted});
      ++rotations;
    }
    ASSERT_GT(read_certificate(past.back().state.serving.cert_pem)->valid.until_unix_s, now);
    if (!plan->wanted) {
      now = plan->review_unix_s;
      continue;
    }
    while (past.size() > 1 && past[1].when <= now - r.overlap_s + 1) past.pop_front();
    for (const auto& server : past)
      for (const auto& client : past) {
        ASSERT_TRUE(is_trusted(server.state, client.state.authorities)) << now - start;
        ASSERT_GT(read_certificate(server.state.serving.cert_pem)->valid.until_unix_s, now);
      }
    ++now;
  }
  EXPECT_GT(rotations, 15U);
}

}  // namespace
}  // namespace gkm::op
