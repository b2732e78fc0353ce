// `usher policy`: requests through a pipe, policies compared, malformed ones refused.
#include <doctest/doctest.h>

#include <sstream>

#include "e2e/world.h"

namespace usher::e2e {
namespace {

constexpr const char* kPolicy = R"({"allowed_actions":["web:*:*","product:read:*"],"denied_actions":["web:delete:*"],
  "denied_resources":["internal_*"],"max_sensitivity_level":1})";

// `policy` reads no configuration, so its commands are run without --config.
ProcessResult run(World& world, std::vector<std::string> arguments, const std::string& input = "") {
  ProcessOptions options;
  options.command = {USHER_BINARY, "policy"};
  options.command.insert(options.command.end(), arguments.begin(), arguments.end());
  options.directory = world.dir.path();
  return run_process(options, input, patience);
}

std::vector<json::object> answers_of(const std::string& output) {
  std::vector<json::object> answers;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    Result<json::value> value = parse_json(line);
    REQUIRE_MESSAGE((value && value->is_object()), line);
    answers.push_back(value->get_object());
  }
  return answers;
}

std::string text_of(const json::object& object, const char* name) { return std::string(object.at(name).as_string()); }

TEST_CASE("one decision a line, in order, word for word") {
  World world;
  world.write_file("p.json", kPolicy);
  ProcessResult result = run(world, {"decide", "--policy", "p.json"},
                             R"({"action":"web:get:page","resource":"x","sensitivity":1}
{"action":"web:delete:page"}
{"action":"mail:send:all","resource":null,"sensitivity":null}
{"action":"web:get:page","resource":"internal_1"}
{"action":"web:get:page","sensitivity":2})");
  CHECK(result.status == 0);
  const std::vector<json::object> answers = answers_of(result.output);
  REQUIRE(answers.size() == 5);
  CHECK(answers[0].at("allowed").as_bool());
  CHECK(text_of(answers[0], "rule") == "allowed");
  CHECK(text_of(answers[1], "detail") == "Action 'web:delete:page' denied: matched deny pattern 'web:delete:*'");
  CHECK(text_of(answers[1], "rule") == "denied_actions");
  CHECK(text_of(answers[2], "detail") == "Action 'mail:send:all' denied: matched no allow pattern");
  CHECK(text_of(answers[3], "detail") ==
        "Action 'web:get:page' denied: resource 'internal_1' matched deny pattern 'internal_*'");
  CHECK(text_of(answers[4], "detail") == "Action 'web:get:page' denied: sensitivity 2 exceeds maximum 1");
}

TEST_CASE("a malformed request is denied in its place and the others are decided") {
  World world;
  world.write_file("p.json", "{}");
  std::string input = "not json\n{\"action\":\"a:b:c\"}\n\n{\"action\":7}\n{\"action\":\"a:b:c\",\"resorce\":\"x\"}\n";
  input += "{\"resource\":\"x\"}\n{\"action\":\"a:b:c\",\"sensitivity\":-1}\n[]\n{\"action\":\"\xFF\"}\n";
  input += "{\"action\":\"" + std::string(2 << 20, 'a') +
           "\"}\n{\"action\":\"a:b:c\",\"action\":\"x:y:z\"}\n{\"action\":\"a:b:c\"}";
  ProcessResult result = run(world, {"decide", "--policy", "p.json"}, input);
  CHECK(result.status == 1);
  const std::vector<json::object> answers = answers_of(result.output);
  REQUIRE(answers.size() == 12);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    CAPTURE(i);
    const bool is_good = i == 1 || i == 11;
    CHECK(answers[i].at("allowed").as_bool() == is_good);
    CHECK(text_of(answers[i], "rule") == (is_good ? "allowed" : "malformed"));
  }
}

TEST_CASE("a program that asks one request at a time gets each answer at once") {
  World world;
  world.write_file("p.json", kPolicy);
  ProcessOptions options;
  options.command = {USHER_BINARY, "policy", "decide", "--policy", "p.json"};
  options.directory = world.dir.path();
  Process process(options);
  for (std::size_t asked = 1; asked <= 3; ++asked) {
    process.write("{\"action\":\"web:get:page\"}\n");
    CHECK(process.wait_until([&] { return answers_of(process.output()).size() == asked; }, patience));
  }
  process.close_input();
  CHECK(process.wait(patience) == 0);
}

TEST_CASE("a malformed policy is exit status 3 and nothing is decided") {
  World world;
  for (const char* broken : {"", "[]", R"({"allowed":[]})", R"({"max_sensitivity_level":9})"}) {
    world.write_file("p.json", broken);
    ProcessResult decided = run(world, {"decide", "--policy", "p.json"}, "{\"action\":\"a:b:c\"}\n");
    CHECK(decided.status == 3);
    CHECK(decided.output.empty());
    CHECK(contains(decided.errors, "p.json"));
    CHECK(run(world, {"narrow", "--parent", "p.json", "--child", "p.json"}).status == 3);
  }
  CHECK(run(world, {"decide", "--policy", "absent.json"}).status == 3);
}

TEST_CASE("narrow answers within or names every violation with a witness") {
  World world;
  world.write_file("parent.json", kPolicy);
  world.write_file("child.json", R"({"allowed_actions":["web:get:*"],"denied_actions":["web:delete:*"],
    "denied_resources":["internal_*","x*"],"max_sensitivity_level":1})");
  world.write_file("greedy.json", R"({"allowed_actions":["web:*:*","mail:send:*"],"max_sensitivity_level":3})");
  ProcessResult within = run(world, {"narrow", "--parent", "parent.json", "--child", "child.json", "--json"});
  CHECK(within.status == 0);
  CHECK(answers_of(within.output).at(0).at("within").as_bool());
  CHECK(run(world, {"narrow", "--parent", "parent.json", "--child", "parent.json", "--mode", "effective"}).status == 0);

  ProcessResult refused = run(world, {"narrow", "--parent", "parent.json", "--child", "greedy.json", "--json"});
  CHECK(refused.status == 2);
  const json::object answer = answers_of(refused.output).at(0);
  CHECK_FALSE(answer.at("within").as_bool());
  std::vector<std::string> rules;
  for (const json::value& violation : answer.at("violations").as_array()) {
    rules.push_back(text_of(violation.as_object(), "rule") + " " + text_of(violation.as_object(), "pattern"));
  }
  CHECK(rules == std::vector<std::string>{"allowed_actions mail:send:*", "denied_actions web:delete:*",
                                          "denied_resources internal_*", "max_sensitivity_level 3"});
  ProcessResult told = run(world, {"narrow", "--parent", "parent.json", "--child", "greedy.json"});
  CHECK(told.status == 2);
  CHECK(contains(told.output, "mail:send:*"));
  CHECK(run(world, {"narrow", "--parent", "parent.json", "--child", "child.json", "--mode", "loose"}).status == 1);
}

}  // namespace
}  // namespace usher::e2e
