// The slash commands as the simulated Discord comes to know them.
#include <doctest/doctest.h>

#include "discord/driver_fixture.h"

using namespace usher;
using namespace usher::discord;
using namespace std::chrono_literals;

namespace {

const std::string kAnn = "2000000000000000001";

}  // namespace

TEST_CASE("slash commands are registered once, by whoever starts, and run") {
  DriverFixture f;
  f.start_live();
  REQUIRE(f.run_until([&] { return !f.simulator.commands().empty(); }));
  const std::size_t before = f.simulator.count("PUT /applications/:application/commands");
  CHECK(before == 1);
  f.simulator.command({.user = kAnn, .name = "whoami"});
  REQUIRE(f.run_until([&] { return f.taken.size() == 1; }));
  CHECK(f.taken[0].text == "/whoami");
  CHECK(f.run_until([&] { return f.simulator.acknowledgements().size() == 1; }));
  f.restart();
  REQUIRE(f.run_until([&] { return f.simulator.count("GET /applications/:application/commands") == 2; }));
  f.run_for(20ms);
  CHECK(f.simulator.count("PUT /applications/:application/commands") == before);
}

TEST_CASE("slash commands are registered although Discord fails at first, and a refusal is not argued with") {
  DriverFixture f;
  f.simulator.server_error("GET /applications/:application/commands");
  f.simulator.server_error("PUT /applications/:application/commands");
  f.start_live();
  CHECK(f.run_until([&] { return !f.simulator.commands().empty(); }));

  DriverFixture refused;
  refused.simulator.refuse("GET /applications/:application/commands", 403, 50001, "Missing Access");
  refused.start_live();
  REQUIRE(refused.run_until([&] { return refused.simulator.count("GET /applications/:application/commands") == 1; }));
  refused.run_for(100ms);
  CHECK(refused.simulator.count("GET /applications/:application/commands") == 1);
}
