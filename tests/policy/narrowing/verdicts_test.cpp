// Verdicts that are known: what a comparison pattern by pattern gets wrong in one direction or the other.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "policy/narrowing/reference.h"

namespace {

using namespace usher::policy;
using Globs = std::vector<std::string>;

PolicyDocument actions(Globs allowed, Globs denied = {}) { return policy_of(std::move(allowed), std::move(denied)); }
PolicyDocument resources(Globs allowed, Globs denied = {}) {
  return policy_of({"*:*:*"}, {}, std::move(allowed), std::move(denied));
}

// Of the resource lists: there the witness is the shortest text of all.
NarrowingResult narrow(Globs parent, Globs child) {
  return check_narrowing(resources(std::move(parent)), resources(std::move(child)));
}

struct Refused {
  Globs parent;
  std::string child;
  std::string witness;  // the one expected, where all shortest ones are alike
};

TEST_CASE("what only looks narrower is refused, with the shortest text that shows it") {
  const std::vector<Refused> cases{
      {{"data:read:?"}, "data:read:*", "data:read:"},
      {{"?:?:?"}, "*:*:*", "::"},
      {{"data:[!a]*"}, "data:*", "data:"},
      {{"data:[!a]*", "data:"}, "data:*", "data:a"},
      {{"data:[!a]*", "data:", "data:a"}, "data:*", "data:aa"},
      {{"?*"}, "*", ""},
      {{"[!a]"}, "?", "a"},
      {{"[!b-z]"}, "?", "b"},
      {{"*a", "*b"}, "*", ""},
      {{"*:*:*"}, "*", ""},
      {{"*:*:*"}, "*:*", ":"},
      {{"a*b"}, "a*", "a"},
      {{"a*a"}, "a*", "a"},
      {{"a", "a*a"}, "a*", "ab"},
      {{"web:*"}, "web*", "web"},
      {{"crm:read:report_[0-4]"}, "crm:read:report_[0-9]", "crm:read:report_5"},
      {{"a["}, "a?", "aa"},
      {{"[ab]"}, "[a-c]", "c"},
      {{"[!a]", "[!b]"}, "??", "aa"},
      {{}, "a", "a"},
      {{}, "*", ""},
      {{"[z-a]"}, "x", "x"},
      {{"\\*"}, "*", ""},
      {{"*??"}, "*?", "a"},
      {{"[A-Za-z]"}, "[!0-9]", "!"},
      {{"internal_*"}, "*_*", "_"},
      {{"é"}, "[éè]", "è"},
      {{"[\xF0\x9F\x98\x80-\xF0\x9F\x98\x81]"}, "[\xF0\x9F\x98\x80-\xF0\x9F\x98\x82]", "\xF0\x9F\x98\x82"},
  };
  for (const Refused& c : cases) {
    CAPTURE(c.child);
    const NarrowingResult result = narrow(c.parent, {c.child});
    CHECK_FALSE(result.within);
    CHECK_FALSE(result.undecided);
    REQUIRE(result.violations.size() == 1);
    CHECK(result.violations[0] == Violation{"allowed_resources", c.child, c.witness});
  }
}

struct Accepted {
  Globs parent;
  Globs child;
};

TEST_CASE("what is within only as a language is accepted") {
  const std::vector<Accepted> cases{
      {{"data:[!a]*", "data:a*", "data:"}, {"data:*"}},
      {{"[!a]", "a"}, {"?"}},
      {{"[!a-m]", "[a-m]"}, {"?"}},
      {{"*?"}, {"?*"}},
      {{"?*"}, {"*?"}},
      {{"*?*"}, {"?*", "*?", "??", "*?*?*"}},
      {{"*"}, {"**", "***", "*a**b*", ""}},
      {{"**"}, {"*"}},
      {{"", "?*"}, {"*"}},
      {{"", "?", "??*"}, {"*"}},
      {{"*a*", "*[!a]*", ""}, {"*"}},
      {{"a[!b]*", "ab*", "a"}, {"a*"}},
      {{"a", "a[!a]", "a*a", "a*?[!a]"}, {"a*"}},
      {{"*ab*"}, {"*aab*", "*abab*", "ab", "x*ab"}},
      {{"*a*b*"}, {"*ab*", "*a?b*", "*a*c*b*"}},
      {{}, {}},
      {{}, {"[z-a]"}},
      {{"q"}, {"[z-a]*", "[b-a]"}},
      {{"a["}, {"a["}},
      {{"a[[]"}, {"a["}},
      {{"a["}, {"a[[]"}},
      {{"[]-a]"}, {"[]^a]"}},
      {{"[a-c]*"}, {"a*", "b*", "c*", "[bc]x"}},
      {{"\\*"}, {"\\a", "\\"}},
      {{"?"}, {"é", "\xF0\x9F\x98\x80"}},
      {{"\xFF", "*"}, {"\xFF", "a"}},
  };
  for (const Accepted& c : cases) {
    CAPTURE(c.child.empty() ? "" : c.child.front());
    const NarrowingResult result = narrow(c.parent, c.child);
    CHECK(result.within);
    CHECK_FALSE(result.undecided);
    CHECK(result.violations.empty());
  }
}

TEST_CASE("a glob that is not UTF-8 grants nothing and denies nothing") {
  CHECK(narrow({}, {"\xFF*"}).within);
  CHECK_FALSE(narrow({"\xFF*"}, {"a"}).within);
  CHECK_FALSE(check_narrowing(resources({"*"}, {"a"}), resources({"*"}, {"a\xFF", "\xFF"})).within);
}

TEST_CASE("a witness of an action rule is a well-formed action where one exists") {
  const auto witness = [](Globs parent, std::string child) {
    const NarrowingResult result = check_narrowing(actions(std::move(parent)), actions({std::move(child)}));
    REQUIRE(result.violations.size() == 1);
    return result.violations[0].witness;
  };
  CHECK(witness({"data:read:?"}, "data:read:*") == "data:read:aa");
  CHECK(witness({"?:?:?"}, "*:*:*") == "aa:a:a");
  CHECK(witness({"?:?:?"}, "?:?:*") == "a:a:aa");
  CHECK(witness({"?:?:?"}, "*:?:?") == "aa:a:a");
  CHECK(witness({"data:[!a]*"}, "data:*") == "data:a:a");
  CHECK(witness({"crm:*"}, "*") == "a:a:a");
  CHECK(witness({"*:*:*[!.]"}, "*:read:*") == "a:read:a.");
  // No well-formed action is allowed here; the text is still refused.
  CHECK(witness({"*:*:*"}, "web:*") == "web:");
  CHECK(witness({}, "Web:*") == "Web:");
  CHECK(witness({}, "*:*:*:*") == ":::");
  CHECK(witness({"a*"}, std::string(300, 'b') + ":*:*") == std::string(300, 'b') + "::");
}

TEST_CASE("every pattern that violates is named once, in the order of rules and patterns") {
  const PolicyDocument parent = policy_of({"web:*:*"}, {"web:delete:*", "web:buy:*"}, {"doc_*"}, {"doc_secret"}, 1);
  const PolicyDocument child =
      policy_of({"*:*:*", "web:read:*", "file:read:x", "*:*:*"}, {"web:delete:*"}, {"*"}, {}, 3);
  const std::vector<Violation> expected{{"allowed_actions", "*:*:*", "a:a:a"},
                                        {"allowed_actions", "file:read:x", "file:read:x"},
                                        {"denied_actions", "web:buy:*", "web:buy:a"},
                                        {"allowed_resources", "*", ""},
                                        {"denied_resources", "doc_secret", "doc_secret"},
                                        {"max_sensitivity_level", "3", "2"}};
  const NarrowingResult result = check_narrowing(parent, child);
  CHECK_FALSE(result.within);
  CHECK(result.violations == expected);
  const std::string text = describe(result);
  CHECK(text.starts_with(
      "child is not within its parent: allowed_actions '*:*:*' allows 'a:a:a', which the parent does not; "));
  CHECK(text.find("denied_actions 'web:buy:*' of the parent denies 'web:buy:a', which the child does not") !=
        text.npos);
  CHECK(text.find("max_sensitivity_level '3' allows '2'") != text.npos);
}

TEST_CASE("strict wants the parent's denials repeated, effective only where the child would grant something") {
  const PolicyDocument parent = actions({"*:*:*"}, {"web:delete:*"});
  const PolicyDocument apart = actions({"crm:*:*"});
  CHECK_FALSE(check_narrowing(parent, apart, Narrowing::strict).within);
  CHECK(check_narrowing(parent, apart, Narrowing::effective).within);
  const PolicyDocument meeting = actions({"web:*:*"});
  const NarrowingResult result = check_narrowing(parent, meeting, Narrowing::effective);
  CHECK(result.violations == std::vector<Violation>{{"denied_actions", "web:delete:*", "web:delete:a"}});
  // A denial in other words will do, and so will one that is wider.
  const PolicyDocument reworded = actions({"web:*:*"}, {"web:delete:", "web:delete:?*"});
  const PolicyDocument wider = actions({"web:*:*"}, {"*:delete:*"});
  for (const Narrowing mode : {Narrowing::strict, Narrowing::effective}) {
    CHECK(check_narrowing(parent, reworded, mode).within);
    CHECK(check_narrowing(parent, wider, mode).within);
  }
}

TEST_CASE("effective lets a child allow in words what it denies itself") {
  const PolicyDocument parent = actions({"web:[!x]*:*"});
  const PolicyDocument child = actions({"web:*:*"}, {"web:x*"});
  CHECK_FALSE(check_narrowing(parent, child, Narrowing::strict).within);
  // What is left over: nothing between the colons.
  const NarrowingResult result = check_narrowing(parent, child, Narrowing::effective);
  CHECK(result.violations == std::vector<Violation>{{"allowed_actions", "web:*:*", "web::"}});
  CHECK(check_narrowing(parent, actions({"web:*:*"}, {"web:x*", "web::*"}), Narrowing::effective).within);
}

TEST_CASE("an empty allow list grants nothing and is within everything") {
  const PolicyDocument nothing = policy_of({}, {}, {}, {}, 0);
  const PolicyDocument parent = policy_of({"web:*:*"}, {}, {"doc_*"}, {}, 2);
  CHECK(check_narrowing(parent, nothing).within);
  CHECK(check_narrowing(nothing, nothing).within);
  CHECK_FALSE(check_narrowing(nothing, parent).within);
  CHECK_FALSE(check_narrowing(nothing, parent, Narrowing::effective).within);
}

TEST_CASE("effective: a child that grants nothing in one dimension is within whatever the rest says") {
  const PolicyDocument parent = policy_of({"web:read:*"}, {"web:read:x"}, {"doc"}, {}, 0);
  const std::vector<PolicyDocument> children{policy_of({"*"}, {}, {}, {}, 4), policy_of({}, {}, {"*"}, {}, 4),
                                             policy_of({"*"}, {"", "?*"}, {"*"}, {}, 4),
                                             policy_of({"*"}, {}, {"a*"}, {"*"}, 4), policy_of({"[z-a]"})};
  for (const PolicyDocument& child : children) {
    CHECK(check_narrowing(parent, child, Narrowing::effective).within);
    CHECK(check_narrowing(parent, child, Narrowing::effective).violations.empty());
  }
}

TEST_CASE("sensitivity 0 and an absent level are told apart") {
  const PolicyDocument absent, zero = policy_of({"*:*:*"}, {}, {"*"}, {}, 0);
  for (const Narrowing mode : {Narrowing::strict, Narrowing::effective}) {
    CHECK(check_narrowing(absent, zero, mode).within);
    CHECK(check_narrowing(zero, zero, mode).within);
    const std::vector<Violation> expected{{"max_sensitivity_level", "4", "1"}};
    CHECK(check_narrowing(zero, absent, mode).violations == expected);
  }
}

TEST_CASE("the empty resource counts: '?*' does not grant an absent one") {
  CHECK_FALSE(check_narrowing(resources({"?*"}), resources({"*"})).within);
  CHECK_FALSE(check_narrowing(resources({"*"}, {""}), resources({"*"})).within);
  CHECK(check_narrowing(resources({"*"}, {""}), resources({"?*"}), Narrowing::effective).within);
}

TEST_CASE("a witness avoids characters that are hard to read where it can") {
  const auto witness = [](std::string parent) { return narrow({std::move(parent)}, {"?"}).violations.at(0).witness; };
  CHECK(witness("[a-c]") == "d");
  CHECK(witness("[a-z]") == "0");
  CHECK(witness("[a-z0-9]") == "A");
  CHECK(witness("[0-~]") == "!");
  CHECK(witness("[\"-~!]") == " ");
  CHECK(witness("[!a]") == "a");
}

}  // namespace
