// The terminal: `usher chat --as` and the console channel over pipes, with the demo provider and with a model.
#include <doctest/doctest.h>

#include <filesystem>

#include "e2e/world.h"

namespace usher::e2e {
namespace {

namespace fs = std::filesystem;

// No bot, no model, no key: what a newcomer starts with.
std::string demo_config() {
  return R"([gateway]
data_dir = "data"
workspaces_dir = "workspaces"

[providers.demo]
kind = "demo"

[models.default]
provider = "demo"
model = "demo"
free = true

[models.smart]
provider = "demo"
model = "demo"
free = true

[channels.console]
enabled = true
)" + World::shop_roles();
}

// What the terminal shows after `lines` were typed and the input ended.
ProcessResult talk(World& world, const std::vector<std::string>& arguments, const std::string& lines) {
  ProcessResult result = world.command(arguments, lines);
  INFO(result.errors);
  CHECK(result.status == 0);
  return result;
}

TEST_CASE("the demo says that it is one, and calls a tool that fits the question") {
  World world;
  world.configure(demo_config());
  ProcessResult talked = talk(world, {"chat", "--as", "telegram:200"}, "search for an umbrella\n");
  CHECK(contains(talked.output, "demo"));
  CHECK(contains(talked.output, "Blue umbrella"));
}

TEST_CASE("chat --as sits in the seat of that sender") {
  World world;
  world.configure(demo_config());
  CHECK(contains(talk(world, {"chat", "--as", "telegram:100"}, "/whoami\n").output, "owner"));
  ProcessResult buyer = talk(world, {"chat", "--as", "telegram:200"}, "/whoami\n");
  CHECK(contains(buyer.output, "buyer"));
  CHECK_FALSE(contains(buyer.output, "file_write"));
}

TEST_CASE("every line that was typed before the end of input is answered") {
  World world;
  std::string config = world.common_config();
  config.replace(config.find("[[channels.telegram]]"), std::string::npos, "[channels.console]\nenabled = true\n");
  world.configure(config + World::shop_roles());
  ProcessResult talked = talk(world, {"chat", "--as", "telegram:200"}, "first line\nsecond line\nthird line\n");
  std::size_t first = talked.output.find("first line"), second = talked.output.find("second line"),
              third = talked.output.find("third line");
  REQUIRE(third != std::string::npos);
  CHECK(first < second);
  CHECK(second < third);
  CHECK(world.model.requests().size() == 3);
}

TEST_CASE("usher run with the console alone serves console:local until the input ends") {
  World world;
  world.configure(demo_config());
  ProcessResult talked = talk(world, {"run"}, "/whoami\n");
  CHECK(contains(talked.output, "console:local"));
}

TEST_CASE("answers go to standard output, logs to standard error") {
  World world;
  std::string config = demo_config();
  config.replace(config.find("data_dir"), 0, "log_format = \"json\"\nlog_level = \"debug\"\n");
  world.configure(config);
  ProcessResult talked = talk(world, {"run"}, "/whoami\n");
  CHECK_FALSE(contains(talked.output, "{\""));
  REQUIRE_FALSE(talked.errors.empty());
  std::size_t start = 0;
  while (start < talked.errors.size()) {
    std::size_t end = std::min(talked.errors.find('\n', start), talked.errors.size());
    std::string line = talked.errors.substr(start, end - start);
    CHECK_MESSAGE(parse_json(line).has_value(), line);
    start = end + 1;
  }
}

TEST_CASE("what is shipped works as it stands, without a key or an account") {
  World world;
  fs::path source = USHER_SOURCE_DIR;
  fs::remove_all(world.dir / "workspaces");
  fs::copy(source / "workspaces", world.dir / "workspaces", fs::copy_options::recursive);
  fs::copy_file(source / "config.toml.example", world.dir / "config.toml");
  world.environment.clear();
  ProcessResult check = world.command({"check"});
  CHECK(check.status == 0);
  CHECK_FALSE(contains(check.errors, "warning"));
  ProcessResult talked = talk(world, {"run"}, "/whoami\nwhat can you do for me?\n");
  CHECK(contains(talked.output, "console:local"));
  CHECK(contains(talked.output, "demo"));
}

TEST_CASE("chat beside a running gateway is refused with its pid") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  Process& running = world.run();
  ProcessResult second = world.command({"chat", "--as", "telegram:200"}, "hello\n");
  CHECK(second.status == 1);
  CHECK(contains(second.errors, std::to_string(running.pid())));
}

}  // namespace
}  // namespace usher::e2e
