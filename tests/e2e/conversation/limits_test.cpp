// Rate limits and budgets as people and operators meet them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>

#include "e2e/world.h"

namespace usher::e2e {
namespace {

// shop_roles with more keys for the buyer.
std::string buyer_with(const std::string& keys) {
  std::string roles = World::shop_roles();
  roles.replace(roles.find("[rbac.roles.buyer]"), 18, "[rbac.roles.buyer]\n" + keys);
  return roles;
}

// The first whole number in a sentence; -1 when there is none.
int number_in(const std::string& text) {
  auto digit = std::find_if(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
  return digit == text.end() ? -1 : std::atoi(text.c_str() + (digit - text.begin()));
}

// A refusal that a person can act on: it names the seconds until they may write again.
void check_names_seconds(const std::string& refusal) {
  check_is_for_people(refusal);
  CHECK_FALSE(contains(refusal, "echo:"));
  std::size_t word = refusal.rfind(" second");
  REQUIRE_MESSAGE(word != std::string::npos, refusal);
  std::size_t start = refusal.find_last_not_of("0123456789", word - 1) + 1;
  int seconds = number_in(refusal.substr(start));
  CHECK(seconds >= 1);
  CHECK(seconds <= 60);
}

ModelAnswer costly(int prompt_tokens, int completion_tokens) {
  ModelAnswer answer;
  answer.text = "costly words";
  answer.prompt_tokens = prompt_tokens;
  answer.completion_tokens = completion_tokens;
  return answer;
}

TEST_CASE("past the limit a sender is told the seconds left, the model is not asked, and others are not affected") {
  World world;
  world.configure(world.common_config() + buyer_with("rate_limit_per_minute = 2\n"));
  world.run();
  CHECK(contains(world.ask(ann, "one"), "echo:"));
  CHECK(contains(world.ask(ann, "two"), "echo:"));
  check_names_seconds(world.ask(ann, "three"));
  CHECK(world.model.requests().size() == 2);
  CHECK(contains(world.ask(bob, "four"), "echo:"));
}

TEST_CASE("a restart does not open the window") {
  World world;
  world.configure(world.common_config() + buyer_with("rate_limit_per_minute = 1\n"));
  world.run();
  CHECK(contains(world.ask(ann, "one"), "echo:"));
  CHECK(world.stop() == 0);
  world.run();
  check_names_seconds(world.ask(ann, "two"));
  world.kill();
  world.run();
  check_names_seconds(world.ask(ann, "three"));
}

TEST_CASE("the limit of a whole role counts everybody in it and nobody else") {
  World world;
  world.configure(world.common_config() + buyer_with("rate_limit_per_minute_total = 2\n"));
  world.run();
  CHECK(contains(world.ask(ann, "one"), "echo:"));
  CHECK(contains(world.ask(bob, "two"), "echo:"));
  check_names_seconds(world.ask(carl, "three"));
  CHECK(contains(world.ask(owner_id, "four"), "echo:"));
}

TEST_CASE("a limit of 0 blocks") {
  World world;
  world.configure(world.common_config() + buyer_with("rate_limit_per_minute = 0\n"));
  world.run();
  check_is_for_people(world.ask(ann, "one"));
  CHECK(world.model.requests().empty());
}

TEST_CASE("commands need no model and stay available past the limit") {
  World world;
  world.configure(world.common_config() + buyer_with("rate_limit_per_minute = 1\n"));
  world.run();
  world.ask(ann, "one");
  std::string usage = world.ask(ann, "/usage");
  CHECK(contains(usage, "1 of 1"));
  CHECK(contains(world.ask(ann, "/whoami"), "buyer"));
}

TEST_CASE("tool calls have a window of their own, and the model is told when it is full") {
  int calls = 0;
  World world([&](const json::object& request) {
    ModelAnswer answer;
    if (string_at(&request.at("messages").get_array().back(), "role") == "tool") {
      answer.text = "tool said: " + last_text(request, "tool");
      return answer;
    }
    for (int i = 0; i < 3; ++i) {
      std::string id = "call_" + std::to_string(++calls);
      answer.tool_calls.push_back(
          {id, "product_search", R"({"query":"umbrella","limit":)" + std::to_string(i + 1) + "}"});
    }
    return answer;
  });
  world.configure(world.common_config() + buyer_with("rate_limit_per_minute = 2\n"));
  world.run();
  std::string answer = world.ask(ann, "umbrellas");  // two model calls, three tool calls
  CHECK(contains(answer, "tool said:"));
  std::vector<json::object> requests = world.model.requests();
  REQUIRE(requests.size() == 2);
  std::string refused = last_text(requests[1], "tool");
  CHECK_FALSE(contains(refused, "Blue umbrella"));
  CHECK_MESSAGE(contains(refused, " s left"), refused);
}

TEST_CASE("a spent budget refuses before the model is asked, and says until when") {
  World world([](const json::object&) { return costly(2000, 1000); });  // 0.03 USD a call
  world.configure(world.common_config() + buyer_with("cost_daily_limit_usd = 0.04\n"));
  world.run();
  CHECK(contains(world.ask(ann, "one"), "costly words"));
  std::string refusal = world.ask(ann, "two");
  check_is_for_people(refusal);
  CHECK_FALSE(contains(refusal, "costly words"));
  CHECK(number_in(refusal) >= 0);
  CHECK(world.model.requests().size() == 1);
  CHECK(contains(world.ask(bob, "three"), "costly words"));

  std::string usage = world.ask(ann, "/usage");
  CHECK(contains(usage, "$0.03"));
  CHECK(contains(usage, "$0.04"));
}

TEST_CASE("the budget of a whole role is spent by everybody in it and outlives a kill") {
  World world([](const json::object&) { return costly(2000, 1000); });
  world.configure(world.common_config() + buyer_with("cost_daily_limit_usd_total = 0.04\n"));
  world.run();
  CHECK(contains(world.ask(ann, "one"), "costly words"));
  CHECK_FALSE(contains(world.ask(bob, "two"), "costly words"));
  world.kill();
  world.run();
  CHECK_FALSE(contains(world.ask(carl, "three"), "costly words"));
  CHECK(contains(world.ask(owner_id, "four"), "costly words"));
}

TEST_CASE("a crash charges what was reserved") {
  World world([](const json::object&) {
    ModelAnswer answer;
    answer.instead = HttpReply{};
    answer.instead->hang = true;
    return answer;
  });
  world.configure(world.common_config() + buyer_with("cost_daily_limit_usd = 0.02\n"));
  world.run();
  world.telegram.private_message(ann, "one");  // reserves more than half of the limit
  world.wait_until([&] { return world.model.requests().size() == 1; }, "the model is asked");
  world.kill();
  world.run();
  // The interrupted turn runs again and meets what the crash left: no room for a second reservation.
  check_is_for_people(world.wait_for_message(ann, 1).text);
  CHECK(world.model.requests().size() == 1);
}

TEST_CASE("a model without a price is refused under a budget, and allowed when it is said to be free") {
  for (bool is_free : {false, true}) {
    CAPTURE(is_free);
    World world;
    std::string config = world.common_config();
    for (std::string price : {"input_usd_per_mtok = 10.0\n", "output_usd_per_mtok = 10.0\n"}) {
      config.replace(config.find(price), price.size(), is_free && price[0] == 'i' ? "free = true\n" : "");
    }
    world.configure(config + buyer_with("cost_daily_limit_usd = 1.0\n"));
    if (is_free) {
      world.run();
      CHECK(contains(world.ask(ann, "hello"), "echo:"));
    } else {
      ProcessResult check = world.command({"check"});
      if (check.status == 3) continue;  // refused already when the config is read
      world.run();
      std::string refusal = world.ask(ann, "hello");
      check_is_for_people(refusal);
      CHECK_FALSE(contains(refusal, "echo:"));
      CHECK(world.model.requests().empty());
    }
  }
}

TEST_CASE("usher usage shows an operator what was spent, beside a running gateway") {
  World world([](const json::object&) { return costly(2000, 1000); });
  world.configure(world.common_config() + buyer_with("cost_daily_limit_usd = 1.0\n"));
  world.run();
  world.ask(ann, "one");
  ProcessResult usage = world.command({"usage", "--json"});
  CHECK(usage.status == 0);
  CHECK(contains(usage.output, "telegram:200"));
  auto settled = [&](const std::string& sender) {
    ProcessResult result = world.command({"usage", "--sender", sender, "--json"});
    CHECK(result.status == 0);
    Result<json::value> parsed = parse_json(result.output);
    REQUIRE_MESSAGE(parsed.has_value(), result.output);
    const json::array* rows = array_at(&*parsed, "usage");
    return rows && !rows->empty() ? rows->front().at("settled_usd").to_number<double>() : 0.0;
  };
  CHECK(settled("telegram:200") == doctest::Approx(0.03));
  CHECK(settled("telegram:201") == 0.0);
}

}  // namespace
}  // namespace usher::e2e
