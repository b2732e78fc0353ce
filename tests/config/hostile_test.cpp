// Shapes of TOML that break parsers: they are refused, and nothing else happens.
#include <doctest/doctest.h>

#include "config/support.h"

namespace usher::config::testing {

TEST_CASE("hostile shapes of TOML are refused, not suffered") {
  std::string keys = "a";
  for (int i = 0; i < 200'000; ++i) keys += ".a";
  CHECK_FALSE(load_from(keys + " = 1").config);
  CHECK_FALSE(load_from("[" + keys + "]").config);
  CHECK_FALSE(load_from("x = {" + keys + " = 1}").config);
  CHECK_FALSE(load_from("x = " + std::string(200'000, '[')).config);
  std::string quoted = "\"a\"";
  for (int i = 0; i < 100'000; ++i) quoted += " . 'a'";
  CHECK_FALSE(load_from(quoted + " = 1").config);
  CHECK_FALSE(load_from("# '''\n" + keys + " = 1").config);
  CHECK(load_from(std::string((1u << 20) + 1, ' ')).problems.size() == 1);
  CHECK(joined(load_from("[agent]\n\n[.agent2]\n[gateway]\n").problems) ==
        "config.toml:3:1: error: not TOML: malformed key\n");
  const std::string outside = ": error: not TOML: a character that belongs in quotation marks, if anywhere\n";
  CHECK(joined(load_from("\xEF\xBB\xBF[\x0c"
                         "agent]")
                   .problems) == "config.toml:1:2" + outside);
  CHECK(joined(load_from("agent.\"\xC3\xBC\".\xD2\x8E = 1").problems) == "config.toml:1:11" + outside);
  CHECK_FALSE(load_from(std::string_view("[agent]\0", 8)).config);
  CHECK(load_from("agent.workspace = \"\"\"a\\\n  \xC3\xBC\"\"\"").config);
  // Dots that are no keys do no harm.
  CHECK(load_from("# " + std::string(500, '.') + "\nagent.workspace = \"" + std::string(50, 'x') +
                  "..............................y\"")
            .config);
}

}  // namespace usher::config::testing
