#include "policy/glob.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace {

using usher::policy::glob_matches;
using usher::policy::GlobSet;

struct Case {
  std::string_view pattern, text;
  bool matches;
};

// Expected values: what Python 3.11's fnmatch.fnmatchcase(text, pattern) answered.
// clang-format off
constexpr Case cases[] = {
    // stars and question marks
    {"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "any:thing/at all\nat all", true},
    {"?", "", false}, {"?", "\n", true}, {"?", "é", true}, {"?", "😀", true},
    {"?", "e\xCC\x81", false}, {"??", "e\xCC\x81", true},
    {"a*c", "abc", true}, {"a*c", "ab", false}, {"a**c", "ac", true}, {"*a*b*a", "xxaxbxa", true}, {"*ab", "aab", true},
    {"*?*", "", false}, {"*?*", "x", true}, {"?*?", "x", false}, {"?*?", "xy", true},
    {"web:*:*", "web:search:google", true}, {"web:*:*", "web:search", false}, {"web:*", "web:a:b/c", true},
    // sets
    {"[abc]", "b", true}, {"[abc]", "d", false}, {"[!abc]", "b", false}, {"[!abc]", "d", true}, {"[!abc]", "", false},
    {"[]a]", "]", true}, {"[]a]", "a", true}, {"[]a]", "]a", false}, {"[!]a]", "]", false}, {"[!]a]", "b", true},
    {"[]]", "]", true}, {"[!]]", "]", false}, {"[!]]", "x", true}, {"[!!]", "!", false}, {"[!!]", "a", true},
    {"[a!]", "!", true}, {"[[]", "[", true}, {"[[a]", "[", true},
    // never closed
    {"[]", "[]", true}, {"[!]", "[!]", true}, {"[a", "[a", true}, {"a[", "a[", true}, {"[", "[", true},
    {"[]", "[", false}, {"*[a", "xx[a", true},
    // empty ranges
    {"[z-a]", "z", false}, {"[z-a]", "a", false}, {"[z-a]", "-", false}, {"[!z-a]", "z", true}, {"[!z-a]", "\n", true},
    {"[!z-a]", "", false}, {"[!z-a]", "zz", false}, {"[z-ab]", "b", true}, {"[z-ab]", "a", false},
    // a '!' that comes first once the empty ranges are gone
    {"[z-a!b]", "b", false}, {"[z-a!b]", "x", true}, {"[z-a!]", "q", true}, {"[z-a!-c]", "c", false},
    {"[z-a!-c]", "-", false}, {"[z-a!-c]", "#", true}, {"[z-a!-c]", "d", true}, {"[!z-a!b]", "!", false},
    {"[!z-a!b]", "x", true}, {"[az-b!c]", "!", true}, {"[az-b!c]", "x", false},
    // hyphens
    {"[-a]", "-", true}, {"[-a]", "a", true}, {"[a-]", "-", true}, {"[a-]", "b", false}, {"[!-a]", "-", false},
    {"[!-a]", "b", true}, {"[a-c]", "b", true}, {"[a-c]", "-", false}, {"[a-c-e]", "d", false}, {"[a-c-e]", "-", true},
    {"[a-c-e]", "e", true}, {"[--0]", ".", true}, {"[--0]", "-", true}, {"[+--]", ",", true}, {"[---]", "-", true},
    {"[-]", "-", true}, {"[--]", "-", true}, {"[!-]", "-", false}, {"[a--b]", "-", false},
    {"[a-b-c-d]", "c", true}, {"[a-b-c-d]", "-", true},
    // beyond ASCII
    {"[а-я]", "ж", true}, {"[а-я]", "ё", false}, {"[😀-😂]", "😁", true}, {"[é]", "é", true}, {"[!é]", "e", true},
    {"[a-😀]", "語", true},
    // no escapes, no other syntax
    {"\\*", "*", false}, {"\\*", "\\x", true}, {"[\\]", "\\", true}, {"[\\]]", "\\]", true}, {"[\\-a]", "]", true},
    {"[\\]-a]", "\\-a]", true}, {"[a\\]", "\\", true}, {"[^a]", "^", true}, {"[^a]", "a", true}, {"[^a]", "b", false},
    {"[&&a]", "&", true}, {"[a||b]", "|", true}, {"[~~]", "~", true}, {"A", "a", false}, {"[a-z]", "Q", false},
    {"a.c", "abc", false}, {"a.c", "a.c", true}, {"(a|b)", "a", false}, {"$", "$", true}, {"^", "^", true},
    {"a\n", "a", false}, {"a", "a\n", false}, {"*\n", "a\n", true}, {"[\n]", "\n", true},
    {"[[:alpha:]]", "a]", true}, {"[[:alpha:]]", "a", false}, {"{a,b}", "a", false},
};
// clang-format on

// Globs of plain characters, '?' and '*' by their definition.
bool matches_by_definition(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*') {
    for (std::size_t taken = 0; taken <= text.size(); ++taken) {
      if (matches_by_definition(pattern.substr(1), text.substr(taken))) return true;
    }
    return false;
  }
  if (text.empty() || (pattern.front() != '?' && pattern.front() != text.front())) return false;
  return matches_by_definition(pattern.substr(1), text.substr(1));
}

auto text_of(const std::string& alphabet) { return rc::gen::container<std::string>(rc::gen::elementOf(alphabet)); }

TEST_CASE("globs match what fnmatch.fnmatchcase matches") {
  for (const Case& c : cases) {
    CAPTURE(c.pattern);
    CAPTURE(c.text);
    CHECK(glob_matches(c.pattern, c.text) == c.matches);
  }
}

TEST_CASE("stars and question marks match by their definition") {
  CHECK(rc::check("equal to the naive matcher", [] {
    std::string pattern = *rc::gen::resize(10, text_of("ab*?"));
    std::string text = *rc::gen::resize(12, text_of("ab"));
    RC_ASSERT(glob_matches(pattern, text) == matches_by_definition(pattern, text));
  }));
}

TEST_CASE("a set and its negation part all characters between them") {
  CHECK(rc::check("exactly one of [s] and [!s]", [] {
    // Without '!' and ']': there a leading one would change its meaning. Ranges only upwards for the same reason.
    std::string members = *rc::gen::nonEmpty(text_of("abcxyz^[\\&"));
    std::string text(1, *rc::gen::elementOf(std::string("abcmxyz!]^[\\-&")));
    RC_ASSERT(glob_matches("[" + members + "]", text) != glob_matches("[!" + members + "]", text));
    RC_ASSERT(glob_matches("[" + members + "]", text) == (members.find(text) != members.npos));
  }));
}

TEST_CASE("a text without special characters matches itself and nothing longer") {
  CHECK(rc::check("identity", [] {
    std::string text = *text_of("ab:/._-]!\\\n");
    RC_ASSERT(glob_matches(text, text));
    RC_ASSERT(!glob_matches(text, text + "x"));
    RC_ASSERT(glob_matches(text + "*", text + "x"));
  }));
}

TEST_CASE("invalid UTF-8 never matches") {
  for (std::string_view text : {"\xFF", "a\x80", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"}) {
    CHECK_FALSE(glob_matches("*", text));
    CHECK_FALSE(GlobSet({"*"}).matches(text));
    CHECK_FALSE(glob_matches(text, text));
  }
}

TEST_CASE("hostile patterns take time proportional to pattern times text") {
  // Exponential or cubic matching would not end within the test's time limit.
  std::string text(20'000, 'a');
  std::string stars;
  for (int i = 0; i < 500; ++i) stars += "*a";
  CHECK_FALSE(glob_matches(stars + "b", text));
  CHECK_FALSE(glob_matches("*a" + std::string(1'000, '['), text));
  CHECK_FALSE(glob_matches("*" + std::string(200, '?') + "b", text));
}

TEST_CASE("an empty set of globs matches nothing, and a set names the first glob that matches") {
  CHECK_FALSE(GlobSet().matches(""));
  CHECK_FALSE(GlobSet().matches("anything"));
  GlobSet set({"file_*", "web_search", "*_search"});
  REQUIRE(set.first_match("web_search") != nullptr);
  CHECK(*set.first_match("web_search") == "web_search");
  CHECK(*set.first_match("product_search") == "*_search");
  CHECK(set.first_match("shell") == nullptr);
}

}  // namespace
