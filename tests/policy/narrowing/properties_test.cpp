// Laws that hold of any policies.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <string>
#include <utility>
#include <vector>

#include "policy/narrowing/reference.h"

namespace {

using namespace usher::policy;

using Globs = std::vector<std::string>;

rc::Gen<std::string> glob() {
  const auto element = rc::gen::element<std::string>("a", "b", "*", "?", ":", "[ab]", "[!a]", "c*", "_");
  return rc::gen::map(rc::gen::resize(5, rc::gen::container<Globs>(element)), [](const Globs& elements) {
    std::string text;
    for (const std::string& each : elements) text += each;
    return text;
  });
}

rc::Gen<Globs> globs(int most) { return rc::gen::resize(most, rc::gen::container<Globs>(glob())); }

rc::Gen<PolicyDocument> document() {
  return rc::gen::apply(policy_of, globs(4), globs(3), globs(4), globs(3), rc::gen::inRange(0, kMaxSensitivity + 1));
}

// Some of what the document allows and denies, so that pairs are near to each other.
PolicyDocument narrowed(PolicyDocument document) {
  const auto drop = [](Globs& list) {
    if (!list.empty() && *rc::gen::arbitrary<bool>()) list.pop_back();
  };
  drop(document.allowed_actions);
  drop(document.allowed_resources);
  if (*rc::gen::arbitrary<bool>()) document.denied_actions.push_back(*glob());
  if (*rc::gen::arbitrary<bool>()) document.denied_resources.push_back(*glob());
  document.max_sensitivity_level = *rc::gen::inRange(0, document.max_sensitivity_level + 1);
  return document;
}

constexpr Narrowing kModes[] = {Narrowing::strict, Narrowing::effective};

TEST_CASE("every policy is within itself") {
  CHECK(rc::check("reflexive", [] {
    const PolicyDocument any = *document();
    for (const Narrowing mode : kModes) RC_ASSERT(check_narrowing(any, any, mode).within);
  }));
}

TEST_CASE("a policy that loses allows, gains denials or sinks is within what it was") {
  CHECK(rc::check("narrowed", [] {
    const PolicyDocument parent = *document();
    const PolicyDocument child = narrowed(parent);
    for (const Narrowing mode : kModes) RC_ASSERT(check_narrowing(parent, child, mode).within);
  }));
}

TEST_CASE("within is transitive") {
  CHECK(rc::check("transitive", [] {
    const PolicyDocument first = *document();
    const PolicyDocument second = *rc::gen::arbitrary<bool>() ? narrowed(first) : *document();
    const PolicyDocument third = *rc::gen::arbitrary<bool>() ? narrowed(second) : *document();
    for (const Narrowing mode : kModes) {
      if (!check_narrowing(first, second, mode).within || !check_narrowing(second, third, mode).within) continue;
      RC_ASSERT(check_narrowing(first, third, mode).within);
    }
  }));
}

TEST_CASE("narrowing the child keeps it within; under strict so does widening what the parent allows") {
  CHECK(rc::check("monotone", [] {
    const PolicyDocument parent = *document();
    const PolicyDocument child = *rc::gen::arbitrary<bool>() ? narrowed(parent) : *document();
    for (const Narrowing mode : kModes) {
      if (check_narrowing(parent, child, mode).within) RC_ASSERT(check_narrowing(parent, narrowed(child), mode).within);
    }
    PolicyDocument wider = parent;
    wider.allowed_actions.push_back(*glob());
    wider.allowed_resources.push_back(*glob());
    if (check_narrowing(parent, child).within) RC_ASSERT(check_narrowing(wider, child).within);
  }));
}

TEST_CASE("what is within strictly is within effectively, and grants nothing more") {
  const Universe texts("ab:c", 4);
  CHECK(rc::check("strict implies effective implies granted", [&texts] {
    const PolicyDocument parent = *document();
    const PolicyDocument child = *rc::gen::arbitrary<bool>() ? narrowed(parent) : *document();
    const bool is_effective = check_narrowing(parent, child, Narrowing::effective).within;
    if (check_narrowing(parent, child, Narrowing::strict).within) RC_ASSERT(is_effective);
    if (!is_effective) return;
    for (int i = 0; i < 50; ++i) {
      const auto any = [&texts] { return *rc::gen::elementOf(texts.texts()); };
      const Grant grant{any(), any(), *rc::gen::inRange(0, kMaxSensitivity + 1)};
      if (grants(child, grant)) RC_ASSERT(grants(parent, grant));
    }
  }));
}

TEST_CASE("an answer is the same each time") {
  CHECK(rc::check("deterministic", [] {
    const PolicyDocument parent = *document(), child = *document();
    for (const Narrowing mode : kModes) {
      RC_ASSERT(check_narrowing(parent, child, mode).violations == check_narrowing(parent, child, mode).violations);
    }
  }));
}

TEST_CASE("policies differ in nothing exactly when each is within the other, and every witness is a difference") {
  CHECK(rc::check("compare", [] {
    const PolicyDocument before = *document();
    const PolicyDocument after = *rc::gen::arbitrary<bool>() ? narrowed(before) : *document();
    const Difference difference = compare(before, after);
    RC_ASSERT_FALSE(difference.undecided);
    RC_ASSERT(difference.newly_granted.empty() == check_narrowing(before, after, Narrowing::effective).within);
    RC_ASSERT(difference.no_longer_granted.empty() == check_narrowing(after, before, Narrowing::effective).within);
    for (const Change& change : difference.newly_granted) {
      RC_ASSERT(grants(after, change.witness) && !grants(before, change.witness));
    }
    for (const Change& change : difference.no_longer_granted) {
      RC_ASSERT(grants(before, change.witness) && !grants(after, change.witness));
    }
  }));
}

TEST_CASE("an action that is granted and matched may be granted") {
  const Universe texts("ab:c", 4);
  CHECK(rc::check("may_grant", [&texts] {
    const PolicyDocument any = *document();
    const std::string asked = *glob();
    const int level = *rc::gen::inRange(0, kMaxSensitivity + 1);
    bool action = false, resource = false;
    for (const std::string& text : texts.texts()) {
      action = action || (glob_matches(asked, text) && any_matches(any.allowed_actions, text) &&
                          !any_matches(any.denied_actions, text));
      resource = resource || (any_matches(any.allowed_resources, text) && !any_matches(any.denied_resources, text));
    }
    const bool is_granted = action && resource && level <= any.max_sensitivity_level;
    // The other way round the universe may be too small to tell.
    if (is_granted) RC_ASSERT(may_grant(any, asked, level));
    RC_CLASSIFY(!may_grant(any, asked, level), "refused");
    if (level > any.max_sensitivity_level) RC_ASSERT_FALSE(may_grant(any, asked, level));
  }));
}

}  // namespace
