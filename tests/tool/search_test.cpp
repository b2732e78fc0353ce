#include <doctest/doctest.h>

#include "tool/seat_fixture.h"

namespace {

using namespace usher;
using testing::SeatFixture;

struct Shop : SeatFixture {
  Shop() {
    put(root / "catalog.jsonl",
        R"({"id":"MUG-1","name":"Blue mug","price":9.5,"stock":3,"description":"A mug for coffee."})"
        "\n"
        R"({"id":"MUG-2","name":"Red mug","price":8,"tags":["kitchen","red"],"sizes":{"cm":[7.5,0.03]}})"
        "\n"
        R"({"id":"LAMP-1","name":"Desk lamp","price":30})"
        "\n");
    put(knowledge / "public" / "returns.md", "# Returns\n\nGoods may be returned within 30 days.\n");
    put(knowledge / "internal" / "margins.md", "# Margins\n\nThe margin on mugs is 40 percent.\n");
  }
  void bind(policy::PolicyDocument document) const {
    context->policies.push_back({"buyer", policy::Policy::compile(std::move(document)).value()});
  }
};

TEST_CASE("product_search finds by words and shows price and stock") {
  Shop f;
  std::string mugs = f.say("product_search", R"({"query":"mug"})");
  CHECK(mugs.find("- Blue mug (id MUG-1): price: 9.5; stock: 3; description: A mug for coffee.") != std::string::npos);
  CHECK(mugs.find("MUG-2") != std::string::npos);
  CHECK(mugs.find("LAMP") == std::string::npos);
  std::string one = f.say("product_search", R"({"query":"mug","limit":1})");
  CHECK(one.find('\n') == std::string::npos);
  CHECK(f.say("product_search", R"({"query":"bicycle"})").starts_with("No product matches"));
}

TEST_CASE("product_info shows every member of one product") {
  Shop f;
  CHECK(f.say("product_info", R"({"id":"MUG-2"})") ==
        "Red mug (id MUG-2)\nprice: 8\ntags: [\"kitchen\",\"red\"]\nsizes: {\"cm\":[7.5,0.03]}");
  CHECK(f.say("product_info", R"({"id":"MUG-9"})").starts_with("not_found: no product has this id"));
  CHECK(f.say("product_info", R"({"id":""})").starts_with("invalid: "));
}

TEST_CASE("a workspace without a catalogue says so and shows no path") {
  SeatFixture f;
  CHECK(f.say("product_search", R"({"query":"mug"})") == "not_found: there is no product catalogue here");
}

TEST_CASE("knowledge_search reads the permitted collections only") {
  Shop f;
  CHECK(f.say("knowledge_search", R"({"query":"returned"})").find("within 30 days") != std::string::npos);
  CHECK(f.say("knowledge_search", R"({"query":"margin"})").find("40 percent") == std::string::npos);
  f.context->rag_access = {{"*"}};
  CHECK(f.say("knowledge_search", R"({"query":"margin"})").find("40 percent") != std::string::npos);
  CHECK(f.say("knowledge_search", R"({"query":"margin","collection":"public"})").find("40 percent") ==
        std::string::npos);
  CHECK(f.say("knowledge_search", R"({"query":"margin","collection":"internal"})").find("40 percent") !=
        std::string::npos);
}

TEST_CASE("a forbidden collection is answered exactly like one that does not exist") {
  Shop f;
  std::string forbidden = f.say("knowledge_search", R"({"query":"margin","collection":"internal"})");
  CHECK(forbidden == "not_found: no such collection is available to you; available: public");
  for (const char* name : {"nothing", "../knowledge/internal", "internal/", "*", "..", "INTERNAL"}) {
    CAPTURE(name);
    json::object arguments{{"query", "margin"}, {"collection", name}};
    CHECK(f.say("knowledge_search", json::serialize(arguments)) == forbidden);
  }
  f.context->rag_access = {{}};
  CHECK(f.say("knowledge_search", R"({"query":"margin"})") ==
        "not_found: no knowledge collections are available to you");
}

TEST_CASE("the action of a search stays within the grammar of actions") {
  Shop f;
  auto action = [&](const std::string& collection) {
    json::object arguments{{"query", "x"}, {"collection", collection}};
    return tool::make_builtin("knowledge_search", f.seat)->access(arguments).action;
  };
  CHECK(action("public") == "knowledge:read:public");
  CHECK(action("") == "knowledge:read:all");
  CHECK(action("x:y z") == "knowledge:read:other");
  CHECK(action("Public") == "knowledge:read:other");
  CHECK(action(std::string(241, 'c')) == "knowledge:read:" + std::string(241, 'c'));
  CHECK(action(std::string(242, 'c')) == "knowledge:read:other");
}

TEST_CASE("a search of everything leaves out the collections that a policy denies by name") {
  const std::vector<policy::PolicyDocument> without_internal{
      {.denied_actions = {"knowledge:read:internal"}},
      {.allowed_actions = {"knowledge:read:all", "knowledge:read:public"}},
      {.denied_resources = {"int*"}},
      {.allowed_resources = {"", "public"}},
  };
  for (const policy::PolicyDocument& document : without_internal) {
    CAPTURE(policy::to_json(document));
    Shop f;
    f.context->rag_access = {{"*"}};
    CHECK(f.say("knowledge_search", R"({"query":"margin"})").contains("40 percent"));
    f.bind(document);
    CHECK_FALSE(f.say("knowledge_search", R"({"query":"margin"})").contains("40 percent"));
    CHECK(f.say("knowledge_search", R"({"query":"returned"})").contains("within 30 days"));
    CHECK(f.say("knowledge_search", R"({"query":"margin","collection":"internal"})").starts_with("denied: "));
    CHECK(f.say("knowledge_search", R"({"query":"returned","collection":"public"})").contains("within 30 days"));
  }
}

TEST_CASE("every policy must allow a collection, and so must rag_access") {
  Shop f;
  f.context->rag_access = {{"*"}};
  f.bind({.denied_actions = {"knowledge:read:internal"}});
  f.bind({.denied_actions = {"knowledge:read:public"}});
  CHECK(f.say("knowledge_search", R"({"query":"margin returned"})") ==
        "not_found: no knowledge collections are available to you");
  Shop narrow;
  narrow.bind({});
  CHECK_FALSE(narrow.say("knowledge_search", R"({"query":"margin"})").contains("40 percent"));
}

TEST_CASE("a collection that a policy denies is not told among those available") {
  Shop f;
  f.context->rag_access = {{"*"}};
  f.bind({.denied_actions = {"knowledge:read:internal"}});
  CHECK(f.say("knowledge_search", R"({"query":"x","collection":"nothing"})") ==
        "not_found: no such collection is available to you; available: public");
}

TEST_CASE("a collection that is named like an action's word for all or for others is one among others") {
  Shop f;
  f.context->rag_access = {{"*"}};
  f.put(f.knowledge / "all" / "a.md", "# A\n\nThe needle of all.\n");
  f.put(f.knowledge / "other" / "o.md", "# O\n\nThe needle of other.\n");
  f.bind({.allowed_actions = {"knowledge:read:all", "knowledge:read:public"}});
  const std::string found = f.say("knowledge_search", R"({"query":"needle"})");
  CHECK_FALSE(found.contains("needle of"));
  CHECK(f.say("knowledge_search", R"({"query":"needle","collection":"all"})") ==
        "denied: Action 'knowledge:read:other' denied: matched no allow pattern");
  CHECK(f.say("knowledge_search", R"({"query":"needle","collection":"other"})") ==
        "denied: Action 'knowledge:read:other' denied: matched no allow pattern");
}

TEST_CASE("an unknown name makes no tool") {
  Shop f;
  CHECK(tool::make_builtin("shell", f.seat) == nullptr);
  CHECK(tool::make_builtin("", f.seat) == nullptr);
}

}  // namespace
