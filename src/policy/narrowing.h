// Whether a child's policy is within its parent's, as languages of strings and not pattern by pattern; and what two
// policies differ in. Exact: by inclusion of regular languages, with the shortest string that shows each violation.
// Past a bound on explored states the answer is "undecided", which is a refusal. Pure; any thread; may take tens of
// milliseconds for hundreds of patterns, so a server asks on its pool.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace usher::policy {

enum class Narrowing {
  strict,     // L(child allows) ⊆ L(parent allows) and L(parent denies) ⊆ L(child denies), for actions and for
              // resources; the level no higher
  effective,  // what the child grants ⊆ what the parent grants, as sets of (action, resource, level)
};

struct Violation {
  // "allowed_actions", "denied_actions", "allowed_resources", "denied_resources" or "max_sensitivity_level".
  std::string rule;
  std::string pattern;  // of an allow rule the child's, of a deny rule the parent's; of the level the child's
  // The shortest string that shows it; for actions the shortest well-formed action where one exists; for the level the
  // lowest that the child grants and the parent does not.
  std::string witness;
  friend bool operator==(const Violation&, const Violation&) = default;
};

struct SearchBound {
  // Explored in all. States are not alike, so elementary steps are bounded too, by 256 for each. Some tenths of a
  // second and some tens of megabytes at most.
  std::size_t max_states = 200'000;
};

struct NarrowingResult {
  bool within = false;                // never true when undecided
  bool undecided = false;             // the bound was reached; `violations` holds what was found until then
  std::vector<Violation> violations;  // one for each pattern that violates, in the order of rules and patterns
};

// Both documents satisfy check(). Under `effective` a child that grants nothing is within, whatever it says.
NarrowingResult check_narrowing(const PolicyDocument& parent, const PolicyDocument& child,
                                Narrowing mode = Narrowing::strict, SearchBound bound = {});

// "child is not within its parent: allowed_actions 'data:*' allows 'data:read:x', which the parent does not; …"
std::string describe(const NarrowingResult& result);

// One thing that a policy grants.
struct Grant {
  std::string action;
  std::string resource;
  int sensitivity = 0;
};

struct Change {
  std::string rule;     // the list (or the level) whose wording shows the change: as in Violation
  std::string pattern;  // as in Violation
  Grant witness;        // granted by one of the policies and not by the other; the action well-formed where one exists
};

struct Difference {
  bool undecided = false;
  std::vector<Change> newly_granted;      // the second policy grants the witness, the first does not
  std::vector<Change> no_longer_granted;  // the other way round
};

// Compares what is granted, not the wording: two wordings of one language differ in nothing.
Difference compare(const PolicyDocument& before, const PolicyDocument& after, SearchBound bound = {});

// Whether `document` grants some action that `action_glob` matches, on some resource, at `sensitivity`; true when
// undecided.
bool may_grant(const PolicyDocument& document, std::string_view action_glob, int sensitivity, SearchBound bound = {});

// Whether there is any well-formed action that the glob matches; true when undecided.
bool matches_some_action(std::string_view glob, SearchBound bound = {});

}  // namespace usher::policy
