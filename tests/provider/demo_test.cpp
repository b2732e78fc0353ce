#include "provider/demo.h"

#include <doctest/doctest.h>

#include "provider/demo_match.h"
#include "support/run_task.h"

namespace usher::provider {

namespace {

json::object schema(std::string_view text) {
  return json::parse(json::string_view(text.data(), text.size())).as_object();
}

// Offers of the shapes that the built-in tools have.
const std::vector<ToolOffer>& offers() {
  static const json::object query = schema(R"({"properties":{"query":{"type":"string"}},"required":["query"]})");
  static const json::object id = schema(R"({"properties":{"id":{"type":"string"}},"required":["id"]})");
  static const json::object maybe_query = schema(R"({"properties":{"query":{"type":"string"}}})");
  static const json::object text = schema(R"({"properties":{"text":{"type":"string"}},"required":["text"]})");
  static const json::object number = schema(R"({"properties":{"id":{"type":"integer"}},"required":["id"]})");
  static const json::object path = schema(
      R"({"properties":{"path":{"type":"string","description":"such as files/notes.txt"}},"required":["path"]})");
  static const json::object write = schema(
      R"({"properties":{"path":{"type":"string","description":"files/x"},"content":{"type":"string"}},"required":["path","content"]})");
  static const json::object edit = schema(
      R"({"properties":{"path":{"type":"string"},"old":{"type":"string"},"new":{"type":"string"}},"required":["path","old","new"]})");
  static const std::vector<ToolOffer> made = {
      {"product_search", "Search the catalogue of products by words.", &query},
      {"product_info", "Show everything the catalogue says about one product, by its id.", &id},
      {"knowledge_search", "Search the knowledge collections.", &query},
      {"memory_recall", "Look up facts that this person asked to remember.", &maybe_query},
      {"memory_store", "Remember one fact about this person.", &text},
      {"memory_forget", "Forget one remembered fact.", &number},
      {"file_read", "Read a text file.", &path},
      {"file_write", "Write a text file.", &write},
      {"file_edit", "Replace a passage of a text file.", &edit},
  };
  return made;
}

std::string chosen(std::string_view message) {
  const std::optional<DemoChoice> choice = choose_tool(message, offers());
  return choice ? choice->tool + " " + json::serialize(choice->arguments) : "";
}

Completion ask(const std::vector<Message>& messages, std::span<const ToolOffer> tools,
               std::string* streamed = nullptr) {
  const auto demo = make_demo();
  const TextSink sink = [streamed](std::string_view piece) {
    if (streamed) *streamed += piece;
  };
  return testing::run_task(demo->complete({messages, tools}, sink, Deadline::in(std::chrono::seconds(5)))).value();
}

Message user(std::string text) {
  Message message;
  message.text = std::move(text);
  return message;
}

}  // namespace

TEST_CASE("a message finds the tool that a person would expect, with arguments from it") {
  CHECK(chosen("Do you have red lamps?") == R"(product_search {"query":"red lamps"})");
  CHECK(chosen("search products: desk lamp") == R"(product_search {"query":"desk lamp"})");
  CHECK(chosen("What does the blue chair cost?") == R"(product_search {"query":"blue chair"})");
  CHECK(chosen("tell me more details about product LAMP-42.") == R"(product_info {"id":"LAMP-42"})");
  CHECK(chosen("How can I return a broken lamp?") == R"(knowledge_search {"query":"broken lamp"})");
  CHECK(chosen("Please remember that I like green tea") == R"(memory_store {"text":"I like green tea"})");
  CHECK(chosen("What do you remember about me?") == "memory_recall {}");
  CHECK(chosen("forget fact #3") == R"(memory_forget {"id":3})");
  CHECK(chosen("read the file notes.txt") == R"(file_read {"path":"files/notes.txt"})");
  CHECK(chosen("write buy milk to files/list.txt") == R"(file_write {"path":"files/list.txt","content":"buy milk"})");
}

TEST_CASE("small talk and what cannot be filled call nothing") {
  for (const char* message :
       {"", "hello", "How are you?", "thank you!", "forget it", "🙂🙂", "replace a by b in the file x.txt"}) {
    CAPTURE(message);
    CHECK(chosen(message).find("edit") == std::string::npos);
    CHECK(chosen(message).find("forget") == std::string::npos);
  }
  CHECK(chosen("hello").empty());
  CHECK(chosen("How are you?").empty());
}

TEST_CASE("only what is offered is called") {
  CHECK_FALSE(choose_tool("Do you have red lamps?", {}));
  const std::vector<ToolOffer> one = {offers()[4]};
  CHECK_FALSE(choose_tool("Do you have red lamps?", one));
}

TEST_CASE("the gateway's preamble is not the person's words") {
  CHECK(own_words("<context>\nfacts: remember products\n</context>\nhello ") == "hello");
  CHECK(own_words("plain </context> text") == "plain </context> text");
  CHECK(own_words("<context>\n</context>") == "");
  const Completion completion = ask({user("<context>\nsearch products lamp\n</context>\nhello")}, offers());
  CHECK(completion.tool_calls.empty());
}

TEST_CASE("its first words say that it is a demo, and it lists what the role may ask") {
  std::string streamed;
  const Completion completion = ask({user("hello")}, std::span(offers()).first(2), &streamed);
  CHECK(completion.text.starts_with("(demo, no model) "));
  CHECK(completion.text.find("Ask me about:") != std::string::npos);
  CHECK(completion.text.find("product_info") != std::string::npos);
  CHECK(completion.text.find("memory_store") == std::string::npos);
  CHECK(streamed == completion.text);
  CHECK(completion.usage.is_estimate);
  CHECK(completion.usage.input_tokens > 0);
  CHECK(ask({user("hello")}, {}).text.starts_with("(demo, no model) "));
  CHECK(ask({}, {}).text.starts_with("(demo, no model) "));
}

TEST_CASE("a tool's result is reported, whatever it is, and no further tool is called") {
  Message call;
  call.author = Author::assistant;
  call.tool_calls = {{"demo_1", "product_search", "{}"}};
  Message result;
  result.author = Author::tool;
  result.text = "search products: Lamp (id 1)";
  result.tool_call_id = "demo_1";
  const Completion completion = ask({user("search products lamp"), call, result}, offers());
  CHECK(completion.tool_calls.empty());
  CHECK(completion.text == "(demo, no model) product_search says:\nsearch products: Lamp (id 1)");
  result.text = std::string(100'000, 'x');
  CHECK(ask({call, result}, offers()).text.size() < 3000);
  result.text.clear();
  result.tool_call_id = "unknown";
  CHECK(ask({result}, offers()).text.starts_with("(demo, no model) "));
}

TEST_CASE("every call has an id of its own") {
  const auto demo = make_demo();
  const std::vector<Message> messages = {user("search products lamp")};
  std::string last;
  for (int i = 0; i < 3; ++i) {
    const Completion completion =
        testing::run_task(demo->complete({messages, offers()}, {}, Deadline::in(std::chrono::seconds(5)))).value();
    REQUIRE(completion.tool_calls.size() == 1);
    CHECK(completion.tool_calls[0].id != last);
    last = completion.tool_calls[0].id;
  }
}

}  // namespace usher::provider
