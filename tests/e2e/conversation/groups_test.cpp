// Groups: when the bot is meant, topics, ceilings, and histories that stay apart.
#include <doctest/doctest.h>

#include "e2e/world.h"

namespace usher::e2e {
namespace {

constexpr std::int64_t group = -1001234567890;

// The bot's name, as getMe tells it, with the @.
std::string mention_in(const std::string& text) { return "@" + std::string(bot_name) + " " + text; }

struct Shop {
  World world;
  explicit Shop(const std::string& more = "") {
    world.configure(world.common_config() + World::shop_roles() + more);
    world.run();
  }
  SentMessage ask(std::int64_t person, const std::string& text, std::int64_t thread = 0) {
    std::size_t before = world.messages_in(group).size();
    world.telegram.group_message(person, group, text, thread);
    return world.wait_for_message(group, before + 1);
  }
};

TEST_CASE("in a group the bot answers when it is mentioned, and only then") {
  Shop shop;
  shop.world.telegram.group_message(ann, group, "nice weather, everybody");
  SentMessage answer = shop.ask(ann, mention_in("do you have umbrellas?"));
  CHECK(contains(answer.text, "umbrellas"));
  CHECK(answer.reply_to != 0);
  REQUIRE(shop.world.model.requests().size() == 1);
  CHECK_FALSE(contains(json::serialize(shop.world.model.requests()[0]), "nice weather"));
}

TEST_CASE("a reply to the bot's own message needs no mention") {
  Shop shop;
  SentMessage first = shop.ask(ann, mention_in("hello"));
  shop.world.telegram.group_message(ann, group, "and kettles?", 0, first.message_id);
  CHECK(contains(shop.world.wait_for_message(group, 2).text, "and kettles?"));
}

TEST_CASE("a command for this bot counts as a mention, one for another bot does not") {
  Shop shop;
  shop.world.telegram.group_message(ann, group, "/whoami@some_other_bot");
  SentMessage answer = shop.ask(ann, "/whoami@" + std::string(bot_name));
  CHECK(contains(answer.text, "telegram:200"));
  CHECK(shop.world.messages_in(group).size() == 1);
}

TEST_CASE("the answer stays in the topic of the question, and topics are conversations of their own") {
  Shop shop;
  CHECK(shop.ask(ann, mention_in("my colour is turquoise"), 77).thread_id == 77);
  CHECK(shop.ask(ann, mention_in("what is my colour?"), 78).thread_id == 78);
  CHECK_FALSE(contains(json::serialize(shop.world.model.requests().back()), "turquoise"));
}

TEST_CASE("people in one group have histories of their own") {
  Shop shop;
  shop.ask(ann, mention_in("my colour is turquoise"));
  shop.ask(bob, mention_in("what is my colour?"));
  CHECK_FALSE(contains(json::serialize(shop.world.model.requests().back()), "turquoise"));
  shop.ask(ann, mention_in("what is my colour?"));
  CHECK(contains(json::serialize(shop.world.model.requests().back()), "turquoise"));
}

TEST_CASE("a private history is not told in a group") {
  Shop shop;
  shop.world.ask(ann, "my secret is turquoise");
  shop.ask(ann, mention_in("what is my secret?"));
  CHECK_FALSE(contains(json::serialize(shop.world.model.requests().back()), "turquoise"));
}

TEST_CASE("under a ceiling the owner has the ceiling's tools and prompt") {
  Shop shop("\n[[rbac.groups]]\nchat = \"telegram:-1001234567890\"\nceiling = \"buyer\"\n");
  shop.ask(owner_id, mention_in("hello"));
  shop.world.ask(owner_id, "hello");
  std::vector<json::object> requests = shop.world.model.requests();
  REQUIRE(requests.size() == 2);
  CHECK(contains(system_text(requests[0]), "SHOP"));
  CHECK(offered_tools(requests[0]) == std::vector<std::string>{"product_search", "product_info"});
  CHECK(contains(system_text(requests[1]), "OWNER"));
  CHECK(offered_tools(requests[1]).size() > 2);
}

TEST_CASE("groups = all answers everything, groups = off nothing") {
  for (const char* mode : {"all", "off"}) {
    CAPTURE(mode);
    World world;
    world.configure(world.common_config() + "groups = \"" + mode + "\"\n" + World::shop_roles());
    world.run();
    world.telegram.group_message(ann, group, "nobody in particular");
    world.telegram.group_message(ann, group, mention_in("you"));
    std::string answer = world.ask(ann, "in private");
    CHECK(contains(answer, "in private"));
    if (std::string(mode) == "all") {
      world.wait_for_message(group, 2);
    } else {
      CHECK(world.messages_in(group).empty());
      CHECK(world.model.requests().size() == 1);
    }
  }
}

}  // namespace
}  // namespace usher::e2e
