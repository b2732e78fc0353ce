// The config that a text says, for tests of what is resolved from it: no environment, no files.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>

#include "config/load.h"

namespace usher::rbac::testing {

inline std::shared_ptr<const config::Config> config_of(std::string_view text) {
  const config::Loaded loaded =
      config::load_text(text, "/etc/usher/config.toml", [](const std::string&) { return std::nullopt; }, false);
  for (const config::Problem& problem : loaded.problems) MESSAGE(to_string(problem));
  REQUIRE(loaded.config);
  return loaded.config;
}

}  // namespace usher::rbac::testing
