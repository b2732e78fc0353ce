// One dimension of two policies, actions or resources: what each allows, denies and therefore grants, compared as
// languages. Every text it answers has been matched against the patterns once more before. Not for several threads at
// once.
//
// An answer of "nothing" holds only as long as the budget is not spent.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/language/alphabet.h"
#include "policy/language/budget.h"
#include "policy/language/positions.h"
#include "policy/language/search.h"
#include "policy/language/unions.h"

namespace usher::policy::language {

enum class Kind { actions, resources };
enum class Party { parent, child };

struct PartyGlobs {
  const std::vector<std::string>& allowed;
  const std::vector<std::string>& denied;
};

// A pattern through which one party goes beyond the other.
struct Finding {
  bool is_deny = false;  // a pattern of the outer party's deny list; else of the inner one's allow list
  std::string pattern;
  std::string text;  // the shortest that shows it; for actions a well-formed action where one exists
};

class Dimension {
 public:
  // The lists and the budget must outlive it.
  Dimension(PartyGlobs parent, PartyGlobs child, Kind kind, Budget& budget);

  // Where the child allows what the parent does not, or does not deny what the parent denies. In the order of lists and
  // patterns, each pattern once.
  std::vector<Finding> beyond_lists();
  // Where `inner` grants what the other party does not. In the same order.
  std::vector<Finding> beyond_grants(Party inner);

  // The shortest text that the party grants; for actions a well-formed action where one exists.
  std::optional<std::string> granted(Party party);
  // Whether it grants any text.
  bool has_grants(Party party);
  // Whether the parent grants any text that one of the child's allow patterns matches.
  bool has_grants_asked_for();

 private:
  enum List : std::size_t { parent_allowed, parent_denied, child_allowed, child_denied, list_count };
  struct Parsed {
    const std::vector<std::string>* globs = nullptr;
    std::size_t first = 0;  // into patterns_
  };
  static List allowed_of(Party party) { return party == Party::parent ? parent_allowed : child_allowed; }
  static List denied_of(Party party) { return party == Party::parent ? parent_denied : child_denied; }

  std::vector<std::optional<Pattern>> parse();
  // False without a text, and when matching it against all patterns might take more than the budget has.
  bool can_confirm(const std::optional<std::string>& text);
  bool matches(List list, std::string_view text) const;
  UnionId union_of(std::initializer_list<List> lists);
  // Each pattern of the list, once, that matches some text.
  template <class Visit>
  void for_each(List list, Visit visit);
  bool grants(Party party, std::string_view text) const;
  std::vector<Both> allowed_starts(Party party);
  Space space() { return {alphabet_, positions_, unions_, budget_}; }
  std::optional<std::string> shortest(const std::vector<Both>& left, UnionId right);
  static void report(std::vector<Finding>& findings, List list, const std::string& pattern, std::string text);

  const Kind kind_;
  Budget& budget_;
  Parsed lists_[list_count];
  std::size_t elements_ = 0;                      // of all patterns
  std::vector<std::optional<Pattern>> patterns_;  // of all lists
  Sets sets_;
  Positions positions_;
  Alphabet alphabet_;
  Unions unions_;
};

}  // namespace usher::policy::language
