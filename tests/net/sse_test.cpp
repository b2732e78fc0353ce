#include "net/sse.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <string>
#include <utility>
#include <vector>

namespace usher::net {

namespace {

using Events = std::vector<std::pair<std::string, std::string>>;

Events parse(const std::vector<std::string>& pieces, bool* is_inside = nullptr) {
  SseParser parser;
  Events events;
  for (const std::string& piece : pieces) {
    const Result<void> fed = parser.feed(piece, [&](const SseEvent& event) {
      events.emplace_back(event.type, event.data);
      return true;
    });
    if (!fed) events.emplace_back("error", fed.error().message);
  }
  if (is_inside) *is_inside = parser.is_inside_event();
  return events;
}

}  // namespace

TEST_CASE("events end with a blank line, however the lines end") {
  for (const char* ending : {"\n", "\r", "\r\n"}) {
    const std::string end = ending;
    const Events events = parse({"data: a" + end + end + "event: x" + end + "data:b" + end + "data: c" + end + end});
    CHECK(events == Events{{"", "a"}, {"x", "b\nc"}});
  }
}

TEST_CASE("comments, ids, unknown fields and events without data are skipped") {
  CHECK(parse({": ping\n\nid: 7\nretry: 5\nfoo: bar\n\nevent: lonely\n\ndata: x\n\n"}) == Events{{"", "x"}});
  CHECK(parse({"data\n\n"}) == Events{{"", ""}});
  CHECK(parse({"data:  two spaces\n\n"}) == Events{{"", " two spaces"}});
}

TEST_CASE("a byte order mark is skipped at the start only") {
  CHECK(parse({"\xEF\xBB\xBF"
               "data: a\n\n"}) == Events{{"", "a"}});
  CHECK(parse({"\xEF", "\xBB", "\xBF", "data: a\n\n"}) == Events{{"", "a"}});
  CHECK(parse({"data: a\n\n\xEF\xBB\xBF"
               "data: b\n\n"}) == Events{{"", "a"}});
}

TEST_CASE("a cut event is not delivered and is seen") {
  bool is_inside = false;
  CHECK(parse({"data: a\n\ndata: b\n"}, &is_inside) == Events{{"", "a"}});
  CHECK(is_inside);
  parse({"data: a\n\n"}, &is_inside);
  CHECK_FALSE(is_inside);
}

TEST_CASE("an event past the limit fails, in one line or in many") {
  for (const std::string& line : {std::string(80, 'x'), "data: " + std::string(40, 'x') + "\n"}) {
    SseParser parser(64);
    Result<void> fed = {};
    for (int i = 0; i < 10 && fed; ++i) fed = parser.feed(line, [](const SseEvent&) { return true; });
    REQUIRE_FALSE(fed);
    CHECK(fed.error().kind == ErrorKind::limit);
  }
}

TEST_CASE("returning false stops before the next event") {
  SseParser parser;
  int seen = 0;
  CHECK(parser.feed("data: a\n\ndata: b\n\n", [&](const SseEvent&) { return ++seen < 1; }));
  CHECK(seen == 1);
}

TEST_CASE("any split of the bytes gives the same events") {
  const bool holds = rc::check("split", [] {
    const auto tokens = *rc::gen::container<std::vector<std::string>>(
        rc::gen::element<std::string>("data: a", "data:", "data", "event: t", "id: 1", ":c", "\r", "\n", "\r\n", "\n\n",
                                      "\r\r", "\xEF\xBB\xBF", "x", " "));
    std::string stream;
    for (const std::string& token : tokens) stream += token;
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < stream.size();) {
      const auto length = static_cast<std::size_t>(*rc::gen::inRange(1, 6));
      pieces.push_back(stream.substr(at, length));
      at += length;
    }
    bool whole_inside = false, split_inside = false;
    RC_ASSERT(parse({stream}, &whole_inside) == parse(pieces, &split_inside));
    RC_ASSERT(whole_inside == split_inside);
  });
  CHECK(holds);
}

}  // namespace usher::net
