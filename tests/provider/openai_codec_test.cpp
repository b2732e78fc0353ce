#include "provider/openai_codec.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <rapidcheck.h>

#include "base/text.h"

namespace usher::provider {

namespace {

using namespace std::chrono_literals;

struct Decoded {
  Result<Completion> completion;
  std::string streamed;
};

Decoded decode(const std::vector<std::string>& pieces) {
  std::string streamed;
  bool is_valid = true;
  const TextSink sink = [&](std::string_view piece) {
    streamed += piece;
    is_valid = is_valid && is_valid_utf8(piece);
  };
  ChatDecoder decoder(sink);
  for (const std::string& piece : pieces) {
    if (decoder.feed(piece) == ChatDecoder::State::failed) break;
  }
  Decoded decoded{decoder.finish(), std::move(streamed)};
  CHECK(is_valid);
  return decoded;
}

std::string delta(std::string_view content) {
  return fmt::format("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n", content);
}
std::string call_delta(std::string_view call) {
  return fmt::format("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{}]}}}}]}}\n\n", call);
}
constexpr const char* done = "data: [DONE]\n\n";

}  // namespace

TEST_CASE("any split of a stream decodes to the same answer") {
  const std::string stream = "\xEF\xBB\xBF: hello\r\n\r\n" + delta("Größe 👋 ") + delta("") +
                             call_delta(R"({"index":1,"id":"b","function":{"name":"two","arguments":"{\"x\":"}})") +
                             call_delta(R"({"index":0,"id":"a","function":{"name":"one"}})") +
                             call_delta(R"({"index":1,"function":{"arguments":"1}"}})") + delta("\xF0\x9F") +
                             delta("\x91\x8B") +
                             "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\r\n\r\n"
                             "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\n" +
                             done;
  const bool holds = rc::check("split", [&] {
    std::vector<std::string> pieces;
    const int longest = *rc::gen::element(2, 10, 200);
    for (std::size_t at = 0; at < stream.size();) {
      pieces.push_back(stream.substr(at, static_cast<std::size_t>(*rc::gen::inRange(1, longest))));
      at += pieces.back().size();
    }
    const Decoded decoded = decode(pieces);
    RC_ASSERT(decoded.completion.has_value());
    RC_ASSERT(decoded.completion->text == "Größe 👋 👋");
    RC_ASSERT(decoded.streamed == decoded.completion->text);
    RC_ASSERT((decoded.completion->tool_calls == std::vector<ToolCall>{{"b", "two", "{\"x\":1}"}, {"a", "one", ""}}));
    RC_ASSERT(decoded.completion->usage.input_tokens == 7);
    RC_ASSERT(!decoded.completion->usage.is_estimate);
  });
  CHECK(holds);
}

TEST_CASE("a stream cut anywhere before its end is an error, never a shorter answer") {
  const std::string stream =
      delta("one") + delta("two") + "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
  for (std::size_t length = 0; length < stream.size() - 1; ++length) {
    const Decoded decoded = decode({stream.substr(0, length)});
    CHECK_FALSE(decoded.completion.has_value());
  }
  CHECK(decode({stream}).completion.has_value());
}

TEST_CASE("invalid UTF-8 and lone surrogates are repaired") {
  const Decoded broken = decode({delta("a\xFF"
                                       "b"),
                                 delta("\xC3"), delta("x"), delta("\xE2\x82"), done});
  REQUIRE(broken.completion);
  CHECK(is_valid_utf8(broken.completion->text));
  CHECK(broken.completion->text.starts_with("a\uFFFDb"));
  CHECK(is_valid_utf8(broken.streamed));

  const Decoded halves = decode({delta(R"(a \ud83d)"), delta(R"(\udc4b b \ud83d\udc4b \\ud83d)"), done});
  REQUIRE(halves.completion);
  CHECK(halves.completion->text == "a \uFFFD\uFFFD b 👋 \\ud83d");
}

TEST_CASE("calls that share an index but not an id are different calls") {
  const Decoded decoded = decode({call_delta(R"({"index":0,"id":"a","function":{"name":"one","arguments":"{}"}})"),
                                  call_delta(R"({"index":0,"id":"b","function":{"name":"two","arguments":"{}"}})"),
                                  call_delta(R"({"index":0,"id":"b","function":{"arguments":" "}})"), done});
  REQUIRE(decoded.completion);
  CHECK(decoded.completion->tool_calls == std::vector<ToolCall>{{"a", "one", "{}"}, {"b", "two", "{} "}});
  CHECK(decoded.completion->finish_reason == FinishReason::tool_calls);
}

TEST_CASE("an empty finish reason ends nothing") {
  const std::string going_on = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"\"}]}\n\n";
  CHECK_FALSE(decode({going_on}).completion);
  CHECK(decode({going_on, done}).completion);
}

TEST_CASE("what follows [DONE] changes nothing") {
  const Decoded decoded = decode({delta("a"), done, delta("b"), "data: {broken\n\n"});
  REQUIRE(decoded.completion);
  CHECK(decoded.completion->text == "a");
}

TEST_CASE("bounds: text, calls, arguments") {
  std::vector<std::string> text(12, delta(std::string(100'000, 'x')));
  text.emplace_back(done);
  CHECK_FALSE(decode(text).completion);

  std::vector<std::string> calls;
  for (int i = 0; i < 513; ++i) {
    calls.push_back(call_delta(fmt::format(R"({{"index":{},"id":"c{}","function":{{"name":"x"}}}})", i % 512, i)));
  }
  calls.emplace_back(done);
  CHECK_FALSE(decode(calls).completion);
  calls.erase(calls.begin());
  CHECK(decode(calls).completion);
  const auto arguments = [](std::size_t bytes) {
    return call_delta(R"({"id":"a","function":{"name":"n","arguments":")" + std::string(bytes, 'x') + "\"}}");
  };
  CHECK(decode({arguments(200u << 10), arguments(56u << 10), done}).completion);
  CHECK_FALSE(decode({arguments(200u << 10), arguments((56u << 10) + 1), done}).completion);
  CHECK_FALSE(decode({call_delta(R"({"index":-1,"function":{"name":"x"}})"), done}).completion);
  CHECK_FALSE(decode({call_delta(R"({"function":{"name":")" + std::string(300, 'n') + "\"}}"), done}).completion);
}

TEST_CASE("absurd usage does no harm") {
  for (const char* usage : {"{\"prompt_tokens\":-5,\"completion_tokens\":99999999999999999999}",
                            "{\"prompt_tokens\":\"x\"}", "{\"prompt_tokens\":1.5e300,\"completion_tokens\":[]}"}) {
    const Decoded decoded = decode({delta("a"), fmt::format("data: {{\"choices\":[],\"usage\":{}}}\n\n", usage), done});
    REQUIRE(decoded.completion);
    CHECK(decoded.completion->usage.input_tokens >= 0);
    CHECK(decoded.completion->usage.output_tokens >= 0);
    CHECK(decoded.completion->usage.output_tokens <= 1'000'000'000);
  }
}

TEST_CASE("retry-after comes in seconds or as a date, and is bounded") {
  const auto now = std::chrono::sys_days(std::chrono::year(1994) / 11 / 6) + 8h + 49min;
  CHECK(parse_retry_after("30", now) == 30s);
  CHECK(parse_retry_after(" 0 ", now) == 0s);
  CHECK(parse_retry_after("1.5", now) == 2s);
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now) == 37s);
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now) == 0s);
  CHECK(parse_retry_after("99999999", now) == 24h);
  for (const char* bad : {"", "-1", "soon", "1x", "1.x", "Sun, 99 Nov 1994 08:49:37 GMT",
                          "Sun, 06 Foo 1994 08:49:37 GMT", "99999999999999999999999"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_retry_after(bad, now));
  }
}

TEST_CASE("a byte that JSON does not take as it is comes through from any place in a long text") {
  for (int byte = 0; byte < 0x80; ++byte) {
    for (std::size_t at = 0; at < 40; ++at) {
      std::string text(40, 'x');
      text[at] = static_cast<char>(byte);
      std::string out;
      append_json_string(out, text);
      const json::value value = json::parse(json::string_view(out.data(), out.size()));
      CHECK(std::string_view(value.as_string()) == text);
    }
  }
}

TEST_CASE("any text survives the way into JSON") {
  const bool holds = rc::check("escape", [](const std::string& text) {
    std::string out;
    append_json_string(out, text);
    boost::system::error_code error;
    const json::value parsed = json::parse(out, error);
    RC_ASSERT(!error);
    RC_ASSERT(std::string_view(parsed.as_string()) == repair_utf8(text));
  });
  CHECK(holds);
}

TEST_CASE("an estimate counts texts, tools and images") {
  const json::object schema = {{"type", "object"}, {"description", std::string(300, 'd')}};
  std::vector<Message> messages(1);
  messages[0].text = std::string(3000, 'x');
  const std::int64_t text = estimate_input_tokens({messages, {}});
  CHECK(text >= 1000);
  messages[0].images.resize(2);
  CHECK(estimate_input_tokens({messages, {}}) == text + 3000);
  const std::vector<ToolOffer> tools = {{"name", "description", &schema}};
  CHECK(estimate_input_tokens({messages, tools}) >= text + 3000 + 100);
}

}  // namespace usher::provider
