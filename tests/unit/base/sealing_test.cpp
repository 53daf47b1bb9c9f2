#include "base/sealing.hpp"

#include <gtest/gtest.h>

#include <set>

namespace gkm::base {
namespace {

struct holder {
  std::string name;
  std::string key = *make_private_key();

  recipient as_recipient() const { return {name, *public_key_of(key)}; }
};

class sealing : public ::testing::Test {
protected:
  std::string sealed_for(const std::vector<recipient>& recipients) {
    return *sealer_.seal(content_, context_, recipients);
  }
  errc why_not(const std::string& sealed, const holder& who, const std::string& context) {
    auto opened = open_sealed(sealed, context, who.name, who.key);
    return opened ? errc::none : opened.error().code;
  }
  errc why_not(const std::string& sealed, const holder& who) {
    return why_not(sealed, who, context_);
  }

  sealer sealer_ = *sealer::make();
  const std::string content_ = R"({"auths":{"quay.io":{"auth":"dTpwYXNz"}}})";
  const std::string context_ = "gkm-pull-1";
  const holder a_{"node-a"};
  const holder b_{"node-b"};
  const holder other_{"node-c"};
};

TEST_F(sealing, opens_for_each_recipient_and_for_nobody_else) {
  auto sealed = sealed_for({a_.as_recipient(), b_.as_recipient()});
  EXPECT_EQ(open_sealed(sealed, context_, a_.name, a_.key), content_);
  EXPECT_EQ(open_sealed(sealed, context_, b_.name, b_.key), content_);
  EXPECT_EQ(why_not(sealed, other_), errc::not_found);
  EXPECT_EQ(sealed.find("auths"), std::string::npos);
}

TEST_F(sealing, neither_the_name_nor_the_key_of_a_recipient_alone_opens) {
  auto sealed = sealed_for({a_.as_recipient(), b_.as_recipient()});
  EXPECT_EQ(why_not(sealed, {a_.name, other_.key}), errc::not_found);
  EXPECT_EQ(why_not(sealed, {a_.name, b_.key}), errc::not_found);
  EXPECT_EQ(why_not(sealed, {other_.name, a_.key}), errc::not_found);
}

TEST_F(sealing, holds_for_one_context) {
  auto sealed = sealed_for({a_.as_recipient()});
  EXPECT_EQ(why_not(sealed, a_, "gkm-pull-2"), errc::not_found);
}

TEST_F(sealing, notices_every_changed_byte) {
  auto sealed = sealed_for({a_.as_recipient(), b_.as_recipient()});
  for (size_t i = 0; i < sealed.size(); ++i) {
    auto changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_NE(why_not(changed, a_), errc::none) << "byte " << i;
  }
}

TEST_F(sealing, notices_every_cut) {
  auto sealed = sealed_for({a_.as_recipient()});
  for (size_t size = 0; size < sealed.size(); ++size)
    EXPECT_NE(why_not(sealed.substr(0, size), a_), errc::none) << size << " bytes";
  EXPECT_NE(why_not(sealed + "x", a_), errc::none);
}

TEST_F(sealing, says_of_other_texts_what_they_are_not) {
  EXPECT_EQ(why_not(content_, a_), errc::malformed);
  auto sealed = sealed_for({a_.as_recipient()});
  sealed[3] = '2';
  EXPECT_EQ(why_not(sealed, a_), errc::malformed);
}

TEST_F(sealing, a_recipient_of_one_text_cannot_make_it_another) {
  // Its own entry, moved to a text that was sealed for somebody else.
  auto own = sealed_for({a_.as_recipient()});
  auto others = sealed_for({b_.as_recipient()});
  constexpr size_t head = 72;
  auto forged = others;
  forged.replace(head, sealed_recipient_bytes, own, head, sealed_recipient_bytes);
  EXPECT_NE(why_not(forged, a_), errc::none);
  EXPECT_NE(why_not(forged, b_), errc::none);
}

TEST_F(sealing, a_key_of_no_use_leaves_only_its_owner_out) {
  const std::string everybody_agrees_on_nothing(sealing_key_bytes, '\0');
  auto sealed = sealed_for(
      {{"low", everybody_agrees_on_nothing}, {"short", "x"}, {"none", ""}, a_.as_recipient()});
  EXPECT_EQ(open_sealed(sealed, context_, a_.name, a_.key), content_);
  EXPECT_EQ(sealed.size(), sealed_for({a_.as_recipient()}).size());
}

TEST_F(sealing, never_seals_the_same_twice_alike) {
  std::set<std::string> seen;
  for (int i = 0; i < 10; ++i) seen.insert(sealed_for({a_.as_recipient()}));
  EXPECT_EQ(seen.size(), 10u);
}

TEST_F(sealing, costs_64_bytes_a_recipient_and_has_a_limit) {
  std::vector<recipient> many(sealed_recipients_max, a_.as_recipient());
  for (size_t i = 0; i < many.size(); ++i) many[i].name = "node-" + std::to_string(i);
  auto sealed = sealed_for(many);
  EXPECT_EQ(sealed.size(), sealed_for({}).size() + many.size() * 64);
  EXPECT_EQ(open_sealed(sealed, context_, "node-77", a_.key), content_);
  many.push_back(b_.as_recipient());
  EXPECT_EQ(sealer_.seal(content_, context_, many).error().code, errc::limit_exceeded);
}

TEST_F(sealing, takes_an_empty_content_and_no_recipient) {
  EXPECT_EQ(
      open_sealed(*sealer_.seal("", context_, {a_.as_recipient()}), context_, a_.name, a_.key), "");
  EXPECT_EQ(why_not(sealed_for({}), a_), errc::not_found);
}

TEST(private_key, that_is_none_is_refused) {
  EXPECT_EQ(public_key_of("short").error().code, errc::invalid_argument);
  EXPECT_EQ(public_key_of(*make_private_key())->size(), sealing_key_bytes);
}

}  // namespace
}  // namespace gkm::base
