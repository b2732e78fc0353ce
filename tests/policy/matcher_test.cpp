#include "policy/matcher.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "policy/glob.h"

namespace {

using usher::policy::FirstMatches;
using usher::policy::glob_matches;
using usher::policy::make_automaton_matcher;
using usher::policy::make_lazy_matcher;
using usher::policy::make_linear_matcher;
using usher::policy::make_matcher;
using usher::policy::Matcher;
using List = std::vector<std::string>;

constexpr std::size_t kPlenty = 100'000;

// By the definition: each glob in turn.
std::int32_t first_of(const List& globs, const std::string& text) {
  for (std::size_t i = 0; i < globs.size(); ++i) {
    if (glob_matches(globs[i], text)) return static_cast<std::int32_t>(i);
  }
  return FirstMatches::kNone;
}

FirstMatches by_definition(const List& denied, const List& allowed, const std::string& text) {
  return {first_of(denied, text), first_of(allowed, text)};
}

struct Way {
  std::string name;
  std::unique_ptr<const Matcher> matcher;
};

// All that can be made; a lazy cache of a few states is emptied again and again.
std::vector<Way> all_ways(const List& denied, const List& allowed) {
  std::vector<Way> ways;
  ways.push_back({"chosen", make_matcher(denied, allowed)});
  ways.push_back({"linear", make_linear_matcher(denied, allowed)});
  ways.push_back({"automaton", make_automaton_matcher(denied, allowed, kPlenty)});
  ways.push_back({"lazy", make_lazy_matcher(denied, allowed, kPlenty)});
  ways.push_back({"lazy, 5 states", make_lazy_matcher(denied, allowed, 5)});
  ways.push_back({"lazy, no states", make_lazy_matcher(denied, allowed, 0)});
  std::erase_if(ways, [](const Way& way) { return !way.matcher; });
  return ways;
}

std::string described(const List& denied, const List& allowed) {
  std::string all = "deny";
  for (const std::string& glob : denied) all += " '" + glob + "'";
  all += " allow";
  for (const std::string& glob : allowed) all += " '" + glob + "'";
  return all;
}

// Random strings put together from pieces. The seed is fixed and shown with each failure, with the case's own number.
class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t bound) { return engine_() % bound; }
  std::string joined(const List& pieces, std::size_t max_pieces) {
    std::string text;
    for (std::size_t left = below(max_pieces + 1); left > 0; --left) text += pieces[below(pieces.size())];
    return text;
  }
  List several(const List& pieces, std::size_t max_pieces, std::size_t max_count) {
    List list(below(max_count + 1));
    for (std::string& text : list) text = joined(pieces, max_pieces);
    return list;
  }

 private:
  std::mt19937 engine_;
};

// Small alphabets, so that things match; the second with characters of every length, their neighbours and halves.
const List kAsciiGlobs{"a", "b", "a", "b", "*", "*", "?", "[ab]", "[!a]", ":", "ab", "*:"};
const List kAsciiTexts{"a", "b", "a", "b", ":", "c", "ab"};
const List kWideGlobs{"a",
                      "é",
                      "語",
                      "😀",
                      "*",
                      "*",
                      "?",
                      "[é語]",
                      "[!é]",
                      "[!😀-😂]",
                      "[а-я]",
                      "[a-語]",
                      "[z-a]",
                      "[!z-a]",
                      std::string(1, '\0'),
                      "[",
                      "]",
                      "\xC3",
                      "\\",
                      "[\xED\x9F\xBF-\xEE\x80\x80]",
                      "\xF4\x8F\xBF\xBF",
                      "[\xF4\x8F\xBF\xBF]",
                      "[!\xF4\x8F\xBF\xBF]",
                      "[a-\xF4\x8F\xBF\xBF]"};
const List kWideTexts{"a",
                      "é",
                      "è",
                      "語",
                      "誟",
                      "😀",
                      "😁",
                      "ж",
                      std::string(1, '\0'),
                      "[",
                      "]",
                      "\\",
                      "\xC3",
                      "\xA9",
                      "\xED\xA0\x80",
                      "\xED\x9F\xBF",
                      "\xEE\x80\x80",
                      "\xC0\xAF",
                      "\xF4\x90\x80\x80",
                      "\xF4\x8F\xBF\xBF",
                      "\xF4\x8F\xBF\xBE",
                      "\xFF"};

void check_agreement(unsigned seed, const List& glob_pieces, const List& text_pieces, int lists) {
  Random random(seed);
  for (int i = 0; i < lists; ++i) {
    CAPTURE(seed);
    CAPTURE(i);
    // Mostly few patterns, sometimes so many that an automaton is chosen.
    const std::size_t most = i % 4 == 0 ? 24 : 5;
    const List denied = random.several(glob_pieces, 6, most);
    const List allowed = random.several(glob_pieces, 6, most);
    const std::vector<Way> ways = all_ways(denied, allowed);
    REQUIRE(ways.size() == 6);
    for (int t = 0; t < 12; ++t) {
      const std::string text = random.joined(text_pieces, 9);
      const FirstMatches expected = by_definition(denied, allowed, text);
      for (const Way& way : ways) {
        if (way.matcher->match(text) == expected) continue;
        CAPTURE(described(denied, allowed));
        CAPTURE(text);
        FAIL_CHECK(way.name, " says ", way.matcher->match(text).denied, ", ", way.matcher->match(text).allowed,
                   " and not ", expected.denied, ", ", expected.allowed);
      }
    }
  }
}

TEST_CASE("every way of matching answers what the globs say one by one") {
  check_agreement(1, kAsciiGlobs, kAsciiTexts, 1'200);
}

TEST_CASE("every way of matching agrees on characters of all lengths, sets of them, NUL and invalid UTF-8") {
  check_agreement(2, kWideGlobs, kWideTexts, 1'200);
}

TEST_CASE("the last code point is a character like any other: the patterns beside it still match") {
  const std::string last = "\xF4\x8F\xBF\xBF";
  const List denied{"a*", "b", "c", "d", "secret*", last + "x"};
  const List allowed{"[" + last + "]?", "e", "f", "g", "[!" + last + "]z"};
  for (const Way& way : all_ways(denied, allowed)) {
    CAPTURE(way.name);
    CHECK(way.matcher->match("secret1") == FirstMatches{4, FirstMatches::kNone});
    CHECK(way.matcher->match(last + "x") == FirstMatches{5, 0});
    CHECK(way.matcher->match("yz") == FirstMatches{FirstMatches::kNone, 4});
    CHECK(way.matcher->match("g") == FirstMatches{FirstMatches::kNone, 3});
  }
}

TEST_CASE("the first pattern of each list is named, whatever matches after it") {
  const List denied{"x", "a*", "ab*", "*b", "abc"};
  const List allowed{"abcd", "*c", "a*", "*", "abc"};
  for (const Way& way : all_ways(denied, allowed)) {
    CAPTURE(way.name);
    CHECK(way.matcher->match("abc") == FirstMatches{1, 1});
    CHECK(way.matcher->match("abcd") == FirstMatches{1, 0});
    CHECK(way.matcher->match("bb") == FirstMatches{3, 3});
    CHECK(way.matcher->match("x") == FirstMatches{0, 3});
    CHECK(way.matcher->match("") == FirstMatches{FirstMatches::kNone, 3});
  }
}

TEST_CASE("empty lists match nothing, an empty pattern the empty text only") {
  for (const Way& way : all_ways({}, {})) {
    CHECK(way.matcher->match("") == FirstMatches{});
    CHECK(way.matcher->match("anything") == FirstMatches{});
  }
  for (const Way& way : all_ways({}, {""})) {
    CHECK(way.matcher->match("") == FirstMatches{FirstMatches::kNone, 0});
    CHECK(way.matcher->match("a") == FirstMatches{});
  }
}

TEST_CASE("an invalid byte after a pattern has matched for good still makes the text match nothing") {
  const List patterns{"a*", "*b*", "*"};
  for (const Way& way : all_ways(patterns, patterns)) {
    CAPTURE(way.name);
    CHECK(way.matcher->match("ab") == FirstMatches{0, 0});
    CHECK(way.matcher->match("ab\xFF") == FirstMatches{});
    CHECK(way.matcher->match("ab\xE2\x82") == FirstMatches{});
    CHECK(way.matcher->match("\xC0\xAF") == FirstMatches{});
  }
}

// Patterns as policies have them.
List ordinary_patterns(std::size_t count) {
  const List operations{"read", "write", "export", "delete"};
  List patterns;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string number = std::to_string(i);
    const std::string& operation = operations[i % 3];
    switch (i % 5) {
      case 0:
        patterns.push_back("crm" + number + ":" + operation + ":*");
        break;
      case 1:
        patterns.push_back("*:" + operation + ":report_" + number + "*");
        break;
      case 2:
        patterns.push_back("web" + number + ":*:*");
        break;
      case 3:
        patterns.push_back("file" + number + ":[rw]*:notes.*");
        break;
      default:
        patterns.push_back("product:" + operation + ":item_" + number);
        break;
    }
  }
  return patterns;
}

TEST_CASE("a thousand ordinary patterns make one automaton, and it answers right") {
  const List denied = ordinary_patterns(300), allowed = ordinary_patterns(1'000);
  const std::unique_ptr<const Matcher> automaton = make_automaton_matcher(denied, allowed, kPlenty);
  REQUIRE(automaton);
  const std::unique_ptr<const Matcher> chosen = make_matcher(denied, allowed);
  Random random(3);
  const List pieces{"crm", "web",  "file",  "product", "1",       "2",      "3",     "15", ":",
                    ":",   "read", "write", "export",  "report_", "notes.", "item_", "x"};
  for (int i = 0; i < 60; ++i) {
    std::string text = random.joined(pieces, 8);
    if (i % 2 == 0) {  // one that matches
      text = allowed[random.below(allowed.size())];
      if (const std::size_t set = text.find("[rw]"); set != text.npos) text.replace(set, 4, "r");
    }
    CAPTURE(text);
    const FirstMatches expected = by_definition(denied, allowed, text);
    CHECK(automaton->match(text) == expected);
    CHECK(chosen->match(text) == expected);
  }
}

List hostile_patterns(Random& random, int kind) {
  List patterns;
  for (int i = 0; i < 300; ++i) {
    auto letter = [&] { return std::string(1, static_cast<char>('a' + random.below(8))); };
    std::string glob = "*";
    if (kind == 0) {  // *ab*cd*
      glob += letter() + letter() + "*" + letter() + letter() + "*" + letter();
    } else if (kind == 1) {  // *?????x
      glob += std::string(5 + random.below(60), '?') + letter();
    } else if (kind == 2) {  // *[a-c]*[d-h]*…
      for (int k = 0; k < 8; ++k) glob += "[" + letter() + "-" + letter() + "]*";
      glob += "!";
    } else {  // a?*b?*c
      glob = letter() + "?*" + letter() + "?*" + letter() + letter();
    }
    patterns.push_back(glob);
  }
  return patterns;
}

TEST_CASE("patterns whose automaton would be huge are still matched right, and compiled soon") {
  Random random(4);
  for (int kind = 0; kind < 4; ++kind) {
    CAPTURE(kind);
    const List denied = hostile_patterns(random, kind), allowed = hostile_patterns(random, kind);
    const auto began = std::chrono::steady_clock::now();
    const std::unique_ptr<const Matcher> chosen = make_matcher(denied, allowed);
    // Far above what it takes, even under a sanitizer; far below what 2^300 states would.
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(20));
    const std::unique_ptr<const Matcher> tiny = make_lazy_matcher(denied, allowed, 20);
    for (int i = 0; i < 20; ++i) {
      const std::string text = random.joined({"a", "b", "c", "d", "e", "f", "g", "h", "!"}, 40);
      CAPTURE(text);
      const FirstMatches expected = by_definition(denied, allowed, text);
      CHECK(chosen->match(text) == expected);
      CHECK(tiny->match(text) == expected);
    }
  }
}

TEST_CASE("an automaton over its bound is not made") {
  Random random(5);
  CHECK_FALSE(make_automaton_matcher({}, hostile_patterns(random, 0), 1'000));
  CHECK_FALSE(make_automaton_matcher({}, ordinary_patterns(100), 10));
  CHECK(make_automaton_matcher({}, ordinary_patterns(100), kPlenty));
}

TEST_CASE("hostile patterns take time linear in a long text") {
  Random random(6);
  const List patterns = hostile_patterns(random, 1);
  const std::string text(20'000, 'z');  // no pattern ends with it
  for (const auto& matcher : {make_matcher({}, patterns), make_lazy_matcher({}, patterns, 3)}) {
    CHECK(matcher->match(text) == FirstMatches{});
  }
}

TEST_CASE("threads share a lazy matcher, more of them than it has caches") {
  Random random(7);
  const List patterns = hostile_patterns(random, 0);
  std::vector<std::string> texts;
  std::vector<FirstMatches> expected;
  for (int i = 0; i < 30; ++i) {
    texts.push_back(random.joined({"a", "b", "c", "d", "e", "f", "g", "h"}, 30));
    expected.push_back(by_definition({}, patterns, texts.back()));
  }
  const List none;
  const std::unique_ptr<const Matcher> matcher = make_lazy_matcher(none, patterns, 50);
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 6; ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t i = 0; i < 60; ++i) {
          const std::size_t at = (i * 7 + t) % texts.size();
          if (!(matcher->match(texts[at]) == expected[at])) ++wrong;
        }
      });
    }
  }
  CHECK(wrong == 0);
}

}  // namespace
