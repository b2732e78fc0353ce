#include "gateway/room/texts.h"

#include <doctest/doctest.h>

#include <set>

using namespace std::chrono_literals;
using usher::gateway::in_words;
using usher::gateway::Texts;

TEST_CASE("a sentence of the workspace replaces the built-in one, placeholders included") {
  const Texts texts({{"limit", "Halt: {reason} ({time}) {unknown} {"}});
  CHECK(texts.say("limit", {{"reason", "zu viel"}, {"time", "3 seconds"}}) == "Halt: zu viel (3 seconds) {unknown} {");
  CHECK(texts.say("stopped") == Texts().say("stopped"));
}

TEST_CASE("a value that looks like a placeholder is not replaced again") {
  CHECK(Texts({{"limit", "{reason} {time}"}}).say("limit", {{"reason", "{time}"}, {"time", "1 second"}}) ==
        "{time} 1 second");
}

TEST_CASE("every built-in sentence is named once and says something") {
  std::set<std::string> seen;
  for (const std::string& name : Texts::names()) {
    CHECK(seen.insert(name).second);
    CHECK_FALSE(Texts().say(name).empty());
  }
}

TEST_CASE("durations are rounded up, so that trying again after them works") {
  CHECK(in_words(0ms) == "1 second");
  CHECK(in_words(1001ms) == "2 seconds");
  CHECK(in_words(90s) == "90 seconds");
  CHECK(in_words(91s) == "2 minutes");
  CHECK(in_words(90min) == "90 minutes");
  CHECK(in_words(91min) == "2 hours");
}
