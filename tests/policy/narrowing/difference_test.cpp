// What two policies differ in, and what a policy may grant.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "policy/narrowing/reference.h"

namespace {

using namespace usher::policy;

bool is_same(const PolicyDocument& a, const PolicyDocument& b) {
  const Difference difference = compare(a, b);
  return !difference.undecided && difference.newly_granted.empty() && difference.no_longer_granted.empty();
}

void check_change(const Change& change, const char* rule, const char* pattern, const Grant& witness) {
  CHECK(change.rule == rule);
  CHECK(change.pattern == pattern);
  CHECK(change.witness.action == witness.action);
  CHECK(change.witness.resource == witness.resource);
  CHECK(change.witness.sensitivity == witness.sensitivity);
}

TEST_CASE("two wordings of one language differ in nothing") {
  CHECK(is_same({}, {}));
  CHECK(is_same(policy_of({"a*", "b*"}), policy_of({"[ab]*"})));
  CHECK(is_same(policy_of({"*"}, {"[!a]*", ""}), policy_of({"a*"})));
  CHECK(is_same(policy_of({"web:*:*"}, {"crm:*"}), policy_of({"web:*:*"})));
  CHECK(is_same(policy_of({"*?"}, {}, {"**"}), policy_of({"?*"}, {}, {"", "?*"})));
  CHECK(is_same(policy_of({"a*", "a*"}), policy_of({"a*", "ab"})));
}

TEST_CASE("policies that grant nothing differ in nothing, whatever they say") {
  CHECK(is_same(policy_of({}), policy_of({"*"}, {}, {})));
  CHECK(is_same(policy_of({"*"}, {"*"}, {"a"}, {}, 0), policy_of({}, {}, {"b"}, {}, 4)));
}

TEST_CASE("a change is shown by a whole grant") {
  const PolicyDocument before = policy_of({"web:read:*"}, {}, {"doc_*"}, {}, 1);
  const PolicyDocument after = policy_of({"web:read:*", "crm:*:*"}, {}, {"doc_*"}, {"doc_secret*"}, 3);
  const Difference difference = compare(before, after);
  REQUIRE(difference.newly_granted.size() == 2);
  check_change(difference.newly_granted[0], "allowed_actions", "crm:*:*", {"crm:a:a", "doc_", 0});
  CHECK(difference.newly_granted[1].rule == "max_sensitivity_level");
  CHECK(difference.newly_granted[1].pattern == "3");
  CHECK(difference.newly_granted[1].witness.sensitivity == 2);
  CHECK(grants(after, difference.newly_granted[1].witness));
  REQUIRE(difference.no_longer_granted.size() == 1);
  check_change(difference.no_longer_granted[0], "denied_resources", "doc_secret*", {"web:read:a", "doc_secret", 0});
}

TEST_CASE("a denial taken away is newly granted under that denial") {
  const Difference difference = compare(policy_of({"*:*:*"}, {"web:buy:*"}), policy_of({"*:*:*"}));
  REQUIRE(difference.newly_granted.size() == 1);
  check_change(difference.newly_granted[0], "denied_actions", "web:buy:*", {"web:buy:a", "", 0});
  CHECK(difference.no_longer_granted.empty());
}

TEST_CASE("where one side grants nothing, all of the other is the difference") {
  const PolicyDocument none = policy_of({}, {}, {"*"}), some = policy_of({"web:*:*"}, {}, {"a", "b"}, {}, 2);
  const Difference difference = compare(none, some);
  REQUIRE(difference.newly_granted.size() == 1);
  check_change(difference.newly_granted[0], "allowed_actions", "web:*:*", {"web:a:a", "a", 0});
  CHECK(difference.no_longer_granted.empty());
  CHECK(compare(some, none).newly_granted.empty());
  CHECK(compare(some, none).no_longer_granted.size() == 1);
  const PolicyDocument no_resource = policy_of({"*"}, {}, {"x*"}, {"*"});
  const Difference other = compare(no_resource, some);
  REQUIRE(other.newly_granted.size() == 3);
  check_change(other.newly_granted[0], "allowed_resources", "a", {"web:a:a", "a", 0});
  check_change(other.newly_granted[1], "allowed_resources", "b", {"web:a:a", "b", 0});
  check_change(other.newly_granted[2], "denied_resources", "*", {"web:a:a", "a", 0});
  for (const Change& change : other.newly_granted) {
    CHECK(grants(some, change.witness));
    CHECK_FALSE(grants(no_resource, change.witness));
  }
}

TEST_CASE("may_grant asks for an action, a resource and a level") {
  const PolicyDocument policy = policy_of({"web:*:*", "crm:read:*"}, {"web:buy:*"}, {"doc_*"}, {}, 2);
  CHECK(may_grant(policy, "web:search:*", 0));
  CHECK(may_grant(policy, "*:*:*", 2));
  CHECK(may_grant(policy, "crm:read:x", 0));
  CHECK(may_grant(policy, "web:bu*:*", 0));
  CHECK(may_grant(policy, "web:buy*", 0));
  CHECK_FALSE(may_grant(policy, "web:buy:*", 0));
  CHECK_FALSE(may_grant(policy, "*:*:*", 3));
  CHECK_FALSE(may_grant(policy, "crm:write:*", 0));
  CHECK_FALSE(may_grant(policy, "web", 0));
  CHECK_FALSE(may_grant(policy, "\xFF*", 0));
  CHECK_FALSE(may_grant(policy, "[z-a]*", 0));
  CHECK_FALSE(may_grant(policy_of({}), "*", 0));
  CHECK_FALSE(may_grant(policy_of({"*"}, {}, {}), "*", 0));
  CHECK_FALSE(may_grant(policy_of({"*"}, {}, {"a", "b"}, {"[ab]"}), "*", 0));
  CHECK(may_grant(policy_of({"*"}, {}, {"a", "b"}, {"[ac]"}), "*", 0));
  CHECK_FALSE(may_grant(policy_of({"*"}, {"[!a]*", ""}), "b*", 0));
}

}  // namespace
