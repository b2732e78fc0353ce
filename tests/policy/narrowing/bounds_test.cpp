// Past the bound the answer is "undecided", which refuses; and no policy keeps a comparison busy for long.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "policy/narrowing/reference.h"

namespace {

using namespace usher::policy;
using Globs = std::vector<std::string>;

PolicyDocument resources(Globs allowed, Globs denied = {}) {
  return policy_of({"*:*:*"}, {}, std::move(allowed), std::move(denied));
}

// Texts that have one of many characters at the n-th place from their end: the classic of exponential growth.
Globs nth_from_end(std::size_t n, std::string_view characters) {
  Globs globs;
  for (const char c : characters) globs.push_back(std::string("*") + c + std::string(n, '?'));
  return globs;
}

// "*ab*ba*" and so on for each pair of letters up to t.
Globs pairs_of_pieces(const std::string& end) {
  Globs globs;
  for (char a = 'a'; a <= 't'; ++a) {
    for (char b = 'a'; b <= 't'; ++b) globs.push_back(std::string("*") + a + b + "*" + b + a + end);
  }
  return globs;
}

TEST_CASE("a comparison that would go past its bound is undecided and refused") {
  const PolicyDocument parent = resources({"*a?????????"}), child = resources({"*a?????????a", "*[ab]?????????"});
  const NarrowingResult decided = check_narrowing(parent, child);
  REQUIRE_FALSE(decided.undecided);
  const NarrowingResult result = check_narrowing(parent, child, Narrowing::strict, {.max_states = 3});
  CHECK(result.undecided);
  CHECK_FALSE(result.within);
  CHECK(describe(result).find("undecided") != std::string::npos);
  CHECK(compare(parent, child, {.max_states = 3}).undecided);
}

TEST_CASE("no bound makes a child within that is not, and a bound that suffices changes nothing") {
  const PolicyDocument parent = policy_of({"web:*:*", "crm:read:*"}, {"*:*:x*"}, {"a*", "*b"}, {"*ab"});
  const std::vector<PolicyDocument> children{policy_of({"web:read:*"}, {"*:*:x*"}, {"a*b"}, {"*ab"}),
                                             policy_of({"*:read:*"}, {"*:*:x"}, {"*"}, {"ab"})};
  for (const PolicyDocument& child : children) {
    for (const Narrowing mode : {Narrowing::strict, Narrowing::effective}) {
      const NarrowingResult truth = check_narrowing(parent, child, mode);
      REQUIRE_FALSE(truth.undecided);
      bool was_decided = false;
      for (std::size_t bound = 0; bound < 400; ++bound) {
        const NarrowingResult result = check_narrowing(parent, child, mode, {.max_states = bound});
        if (result.undecided) {
          CHECK_FALSE(result.within);
          CHECK_FALSE(was_decided);
          for (const Violation& found : result.violations) CHECK_FALSE(found.witness.size() > 12);
        } else {
          was_decided = true;
          CHECK(result.within == truth.within);
          CHECK(result.violations == truth.violations);
        }
      }
      CHECK(was_decided);
    }
  }
}

TEST_CASE("violations found before the bound are kept") {
  Globs wider = pairs_of_pieces("*");
  wider.insert(wider.begin(), "plain");
  const PolicyDocument parent = resources(pairs_of_pieces("*aa*")), child = resources(wider);
  const NarrowingResult result = check_narrowing(parent, child, Narrowing::strict, {.max_states = 2'000});
  CHECK(result.undecided);
  CHECK_FALSE(result.within);
  REQUIRE(!result.violations.empty());
  CHECK(result.violations[0] == Violation{"allowed_resources", "plain", "plain"});
  CHECK(describe(result).find("the rest is undecided") != std::string::npos);
}

TEST_CASE("may_grant says true when it cannot tell, false only when it can") {
  const PolicyDocument policy = policy_of({"*"}, {"*a*", "[!a]*", ""});
  CHECK_FALSE(may_grant(policy, "*", 0));
  CHECK(may_grant(policy, "*", 0, {.max_states = 1}));
  CHECK(may_grant(policy, "*", 0, {.max_states = 0}));
  CHECK_FALSE(may_grant(policy, "*", 5, {.max_states = 0}));
}

TEST_CASE("hostile policies end within the bound, and never as within by mistake") {
  struct Hostile {
    const char* name;
    Globs parent, child;
    bool is_within;  // the truth
  };
  std::vector<Hostile> cases;
  cases.push_back(
      {"characters far from the end", nth_from_end(60, "abcdefghijklmnop"), {"*[a-q]" + std::string(60, '?')}, false});
  cases.push_back(
      {"all characters far from the end", nth_from_end(60, "abcdefgh"), {"*[a-h]" + std::string(60, '?')}, true});
  cases.push_back({"many pairs of pieces", pairs_of_pieces("*"), {"*x*y*"}, false});
  cases.push_back({"as many that are narrower", pairs_of_pieces("*"), pairs_of_pieces("*aa*"), true});
  cases.push_back({"as many that are wider", pairs_of_pieces("*aa*"), pairs_of_pieces("*"), false});
  Hostile tails{"long tails of question marks", {}, {"*"}, false};
  Hostile shifted{"long tails, shifted", {}, {}, false};
  for (std::size_t i = 0; i < 300; ++i) {
    const std::string tail = std::string(1 + i % 90, '?') + static_cast<char>('a' + i % 26);
    tails.parent.push_back("*" + tail);
    shifted.parent.push_back("*" + tail);
    shifted.child.push_back("*??" + tail + "*");
  }
  cases.push_back(tails);
  cases.push_back(shifted);
  Hostile stars{"hundreds of stars", {}, {}, true};
  std::string glob;
  for (int i = 0; i < 300; ++i) glob += "*a?";
  stars.parent = {glob};
  stars.child = {"*a" + glob};
  cases.push_back(stars);
  Narrowing mode = Narrowing::strict;
  for (const Hostile& hostile : cases) {
    CAPTURE(hostile.name);
    mode = mode == Narrowing::strict ? Narrowing::effective : Narrowing::strict;
    const auto begin = std::chrono::steady_clock::now();
    const NarrowingResult result = check_narrowing(resources(hostile.parent), resources(hostile.child), mode);
    const auto took = std::chrono::steady_clock::now() - begin;
    if (result.within) CHECK(hostile.is_within);
    if (!result.violations.empty()) CHECK_FALSE(hostile.is_within);
    CHECK((result.within || result.undecided || !result.violations.empty()));
    // Far above what it takes, so that a busy machine or a sanitizer does not matter; an unbounded search never ends.
    CHECK(took < std::chrono::seconds(60));
  }
}

TEST_CASE("the longest policies are compared within the bound") {
  PolicyDocument parent = resources({});
  for (int i = 0; i < 10'000; ++i) {
    parent.allowed_resources.push_back("area" + std::to_string(i % 100) + "/*/item_" + std::to_string(i) + "_*");
  }
  PolicyDocument child = parent;
  CHECK(check_narrowing(parent, child).within);
  child.allowed_resources[5'000] = "area0/*";
  const NarrowingResult result = check_narrowing(parent, child);
  CHECK_FALSE(result.within);
  REQUIRE(result.violations.size() == 1);
  CHECK(result.violations[0].witness == "area0/");
}

}  // namespace
