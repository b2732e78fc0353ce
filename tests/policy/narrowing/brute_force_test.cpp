// Tens of thousands of random pairs of policies, each verdict held against every text of a small universe. The universe
// is finite and the languages are not, so it can only refute: what is said to be within must have no counterexample in
// it, and a witness must be real and no longer than any counterexample in it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "policy/narrowing/reference.h"

namespace {

using namespace usher::policy;
using Members = Universe::Members;

constexpr int kPairs = 100'000;
constexpr int kGlobs = 1'500;  // that the policies of one run are made of
const std::vector<std::string> kElements{"a", "b", "*", "?", "[ab]", "[!a]"};
const std::vector<std::string> kActionElements{"a", "b", "*", ":", "[ab]", "[!a]", "?", "*:"};

// One rule of a result: what its patterns may show.
struct Expected {
  std::string rule;
  std::string pattern;
  Members beyond;  // the texts of the universe that show it
};

class Trial {
 public:
  explicit Trial(Generator& generator) : generator_(generator) {
    actions_.add_actions("abc", 6);
    for (int i = 0; i < kGlobs; ++i) {
      resource_globs_.push_back(generator_.glob(kElements, 4));
      action_globs_.push_back(generator_.glob(kActionElements, 5));
    }
  }

  void run(int number) {
    // One dimension is compared as well as two and in half the time; what they do together is tried now and then.
    const Varied varied = number % 8 < 2 ? Varied::both : number % 4 < 2 ? Varied::actions : Varied::resources;
    const PolicyDocument parent = document(varied), child = document(varied);
    const Narrowing mode = number % 2 == 0 ? Narrowing::strict : Narrowing::effective;
    const NarrowingResult result = check_narrowing(parent, child, mode);
    if (result.undecided) FAIL("nothing so small may be undecided");
    if (result.within != result.violations.empty()) FAIL("within and violations contradict each other");
    hold(parent, child, mode, result);
    (result.within ? within_ : beyond_)++;
  }

  int within() const { return within_; }
  int beyond() const { return beyond_; }

 private:
  enum class Varied { actions, resources, both };

  PolicyDocument document(Varied varied) {
    PolicyDocument made;
    if (varied != Varied::resources) {
      made.allowed_actions = generator_.some_of(action_globs_, 3);
      made.denied_actions = generator_.some_of(action_globs_, 2);
    }
    if (varied != Varied::actions) {
      made.allowed_resources = generator_.some_of(resource_globs_, 3);
      made.denied_resources = generator_.some_of(resource_globs_, 2);
    }
    made.max_sensitivity_level = static_cast<int>(generator_.below(8)) == 0 ? 3 : 4;
    return made;
  }

  static void add_lists(std::vector<Expected>& expected, Universe& texts, const std::string& rule,
                        const std::vector<std::string>& inner, const std::vector<std::string>& outer) {
    const Members covered = texts.of(outer);
    for (const std::string& glob : inner) expected.push_back({rule, glob, Universe::without(texts.of(glob), covered)});
  }

  static void add_grants(std::vector<Expected>& expected, Universe& texts, const std::string& suffix,
                         const std::vector<std::string>& inner, const std::vector<std::string>& inner_denied,
                         const std::vector<std::string>& outer, const std::vector<std::string>& outer_denied) {
    const Members denied = texts.of(inner_denied);
    const Members granted = Universe::without(texts.of(inner), denied), covered = texts.of(outer);
    for (const std::string& glob : inner) {
      Members beyond = Universe::without(Universe::without(texts.of(glob), denied), covered);
      expected.push_back({"allowed_" + suffix, glob, std::move(beyond)});
    }
    for (const std::string& glob : outer_denied) {
      expected.push_back({"denied_" + suffix, glob, Universe::common(texts.of(glob), granted)});
    }
  }

  std::vector<Expected> expected(const PolicyDocument& parent, const PolicyDocument& child, Narrowing mode) {
    std::vector<Expected> all;
    if (mode == Narrowing::strict) {
      add_lists(all, actions_, "allowed_actions", child.allowed_actions, parent.allowed_actions);
      add_lists(all, actions_, "denied_actions", parent.denied_actions, child.denied_actions);
      add_lists(all, resources_, "allowed_resources", child.allowed_resources, parent.allowed_resources);
      add_lists(all, resources_, "denied_resources", parent.denied_resources, child.denied_resources);
    } else {
      add_grants(all, actions_, "actions", child.allowed_actions, child.denied_actions, parent.allowed_actions,
                 parent.denied_actions);
      add_grants(all, resources_, "resources", child.allowed_resources, child.denied_resources,
                 parent.allowed_resources, parent.denied_resources);
    }
    return all;
  }

  bool grants_in_universe(const PolicyDocument& document) {
    return !Universe::is_empty(
               Universe::without(actions_.of(document.allowed_actions), actions_.of(document.denied_actions))) &&
           !Universe::is_empty(
               Universe::without(resources_.of(document.allowed_resources), resources_.of(document.denied_resources)));
  }

  void hold(const PolicyDocument& parent, const PolicyDocument& child, Narrowing mode, const NarrowingResult& result) {
    CAPTURE(to_string(parent));  // made only when something fails
    CAPTURE(to_string(child));
    // A child that grants nothing is within whatever it says.
    const bool may_be_void = mode == Narrowing::effective && !grants_in_universe(child);
    if (may_be_void && result.within) return;
    std::size_t reported = 0;
    std::vector<std::string> seen;
    for (const Expected& each : expected(parent, child, mode)) {
      const auto at = std::ranges::find_if(result.violations, [&](const Violation& violation) {
        return violation.rule == each.rule && violation.pattern == each.pattern;
      });
      CAPTURE(each.rule);
      CAPTURE(each.pattern);
      const std::string key = each.rule + " " + each.pattern;
      const bool is_first = std::ranges::find(seen, key) == seen.end();
      seen.push_back(key);
      if (at == result.violations.end()) {
        if (!Universe::is_empty(each.beyond)) FAIL("a counterexample was missed");
        continue;
      }
      if (is_first) ++reported;
      hold_witness(parent, child, mode, each, at->witness);
    }
    if (child.max_sensitivity_level > parent.max_sensitivity_level) ++reported;
    if (result.violations.size() != reported) FAIL("a violation of no rule");
  }

  void hold_witness(const PolicyDocument& parent, const PolicyDocument& child, Narrowing mode, const Expected& each,
                    const std::string& witness) {
    CAPTURE(witness);
    const bool is_action_rule = each.rule.ends_with("actions");
    const std::vector<std::string>& child_allowed = is_action_rule ? child.allowed_actions : child.allowed_resources;
    const std::vector<std::string>& child_denied = is_action_rule ? child.denied_actions : child.denied_resources;
    const std::vector<std::string>& parent_allowed = is_action_rule ? parent.allowed_actions : parent.allowed_resources;
    const bool is_deny = each.rule.starts_with("denied");
    bool is_real = glob_matches(each.pattern, witness);
    if (is_deny || mode == Narrowing::effective) is_real = is_real && !any_matches(child_denied, witness);
    if (is_deny && mode == Narrowing::effective) is_real = is_real && any_matches(child_allowed, witness);
    if (!is_deny) is_real = is_real && !any_matches(parent_allowed, witness);
    if (!is_real) FAIL("the witness shows nothing");
    const std::vector<std::string>& texts = (is_action_rule ? actions_ : resources_).texts();
    const bool wants_action = is_action_rule && is_well_formed(witness);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (!Universe::has(each.beyond, i)) continue;
      if (is_action_rule && !wants_action && is_well_formed(texts[i]))
        FAIL("a well-formed action would do: ", texts[i]);
      if (texts[i].size() < witness.size() && (!wants_action || is_well_formed(texts[i]))) {
        FAIL("a shorter witness exists: '", texts[i], "'");
      }
    }
  }

  static std::string to_string(const PolicyDocument& document) {
    std::string text;
    const auto add = [&](const char* name, const std::vector<std::string>& globs) {
      text += name;
      for (const std::string& glob : globs) text += " '" + glob + "'";
      text += "; ";
    };
    add("allow", document.allowed_actions);
    add("deny", document.denied_actions);
    add("resources", document.allowed_resources);
    add("not", document.denied_resources);
    return text + std::to_string(document.max_sensitivity_level);
  }

  Generator& generator_;
  Universe resources_{"abc", 6};
  Universe actions_{"abc:", 4};
  std::vector<std::string> resource_globs_, action_globs_;
  int within_ = 0, beyond_ = 0;
};

TEST_CASE("no verdict and no witness is refuted by a universe of small texts") {
  const unsigned seed = test_seed();
  MESSAGE("USHER_TEST_SEED=", seed);
  CAPTURE(seed);
  Generator generator(seed);
  Trial trial(generator);
  for (int i = 0; i < kPairs; ++i) trial.run(i);
  // Both verdicts must have been put to the test.
  CHECK(trial.within() > kPairs / 100);
  CHECK(trial.beyond() > kPairs / 10);
}

// Single lists come nearer to the border between within and beyond: the child is made of the parent's own pieces.
TEST_CASE("a language cut into pieces is within the pieces, and not within all but one") {
  const unsigned seed = test_seed();
  MESSAGE("USHER_TEST_SEED=", seed);
  CAPTURE(seed);
  Generator generator(seed);
  for (int i = 0; i < 2'000; ++i) {
    const std::string prefix = generator.glob({"a", "b", "?", "*", "[ab]"}, 3);
    const std::string suffix = generator.glob({"a", "b", "?", "[!a]", "*"}, 3);
    const std::vector<std::string> pieces{prefix + suffix, prefix + "[!b]*" + suffix, prefix + "b*" + suffix};
    const PolicyDocument whole = policy_of({}, {}, {prefix + "*" + suffix}), cut = policy_of({}, {}, pieces);
    CAPTURE(prefix);
    CAPTURE(suffix);
    CHECK(check_narrowing(cut, whole).within);
    CHECK(check_narrowing(whole, cut).within);
    const PolicyDocument rest = policy_of({}, {}, {pieces[0], pieces[2]});
    const NarrowingResult result = check_narrowing(rest, whole);
    REQUIRE_FALSE(result.undecided);
    if (!result.within) {
      CHECK(glob_matches(pieces[1], result.violations[0].witness));
      CHECK_FALSE(any_matches(rest.allowed_resources, result.violations[0].witness));
    }
  }
}

}  // namespace
