// A table of configs that must be refused, each with the exact lines that people will read.
#pragma once

#include <doctest/doctest.h>

#include <span>
#include <string_view>

#include "config/support.h"

namespace usher::config::testing {

struct Refusal {
  const char* name;
  std::string_view toml;      // begins with a line break that is not part of it
  std::string_view problems;  // likewise; one a line
};

// The variables that the tables use.
inline const Variables kVariables = {{"TOKEN", "123456:AAsecret"},
                                     {"DISCORD_TOKEN", "MTIzNDU2.Gabcde.AAsecret-AAsecret"},
                                     {"EMPTY", ""},
                                     {"KEY", "sk-abcdef"},
                                     {"BOTH", "x"},
                                     {"BOTH_FILE", "/x"},
                                     {"GONE_FILE", "/nonexistent/file"},
                                     {"BOB", "telegram:bob"},
                                     {"LINES", "a\nb"}};

inline void check_refusals(std::span<const Refusal> refusals) {
  for (const Refusal& refusal : refusals) {
    CAPTURE(refusal.name);
    const Loaded loaded = load_from(refusal.toml.substr(1), kVariables);
    CHECK(loaded.config == nullptr);
    CHECK(joined(loaded.problems) == std::string(refusal.problems.substr(1)) + "\n");
  }
}

}  // namespace usher::config::testing
