#include "base/sender.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace usher {
namespace {

TEST_CASE("a sender is read in its canonical spelling only") {
  struct Accepted {
    std::string text, kind, id;
  };
  const Accepted accepted[] = {
      {"telegram:123", "telegram", "123"},
      {"telegram:1", "telegram", "1"},
      {"telegram:9007199254740991", "telegram", "9007199254740991"},
      {"discord:80351110224678912", "discord", "80351110224678912"},
      {"discord:9223372036854775807", "discord", "9223372036854775807"},
      {"discord:5", "discord", "5"},
      {"console:local", "console", "local"},
      {"web:alice", "web", "alice"},
      {"web:a.b_C-9", "web", "a.b_C-9"},
      {"web:" + std::string(64, 'x'), "web", std::string(64, 'x')},
      {"123", "telegram", "123"},
      {"9007199254740991", "telegram", "9007199254740991"},
      {"9007199254740992", "discord", "9007199254740992"},
      {"9223372036854775807", "discord", "9223372036854775807"},
  };
  for (const Accepted& a : accepted) {
    CAPTURE(a.text);
    Result<Sender> sender = parse_sender(a.text, "acme");
    REQUIRE(sender.has_value());
    CHECK(*sender == Sender{"acme", a.kind, a.id});
    CHECK(to_string(*sender) == a.kind + ":" + a.id);
    CHECK(parse_sender(to_string(*sender), "acme") == *sender);
  }
}

TEST_CASE("anything mutable, ambiguous or malformed is no sender") {
  for (std::string text : {"",
                           ":",
                           "telegram:",
                           ":123",
                           "telegram",
                           "@alice",
                           "telegram:@alice",
                           "telegram:alice",
                           "telegram:0",
                           "telegram:-5",
                           "telegram:+5",
                           "telegram:007",
                           "telegram: 5",
                           "telegram:5 ",
                           "telegram:5\n",
                           "telegram:5.0",
                           "telegram:5e3",
                           "telegram:0x10",
                           "telegram:١٢٣",
                           "telegram:9007199254740992",
                           "telegram:18446744073709551617",
                           "telegram:123:4",
                           "Telegram:123",
                           " telegram:123",
                           "discord:0",
                           "discord:-1",
                           "discord:080351",
                           "discord:9223372036854775808",
                           "discord:99999999999999999999999",
                           "discord:alice#1234",
                           "matrix:123",
                           "web:",
                           "web:a b",
                           "web:a/b",
                           "web:a:b",
                           "web:älice",
                           "console:lo\ncal",
                           "0",
                           "-1",
                           "+1",
                           "01",
                           "1.5",
                           "9223372036854775808",
                           "18446744073709551616"}) {
    CAPTURE(text);
    Result<Sender> sender = parse_sender(text, "default");
    REQUIRE_FALSE(sender.has_value());
    CHECK(sender.error().kind == ErrorKind::invalid);
  }
  CHECK_FALSE(parse_sender("web:" + std::string(65, 'x'), "default").has_value());
  CHECK_FALSE(parse_sender(std::string("web:a\0b", 7), "default").has_value());
}

TEST_CASE("a sender without a tenant is refused") { CHECK_FALSE(parse_sender("telegram:123", "").has_value()); }

TEST_CASE("the digest is SHA-256 over the length-prefixed parts") {
  // Computed with Python: hashlib.sha256 over struct.pack('>Q', len(part)) + part of each.
  CHECK(sender_digest({"default", "telegram", "123"}) ==
        "f91a442462076677ae40bb72be03ca4ef802bb546bf3e1d27115d02b90e2d8de");
  CHECK(sender_digest({"acme", "web", "alice"}) == "ba96ea7a9dbdb6d654533a0b84ac5182d59598924f858f88ebb70997d92e82b9");
}

TEST_CASE("no two conversations share a key, whatever their parts contain") {
  const Sender sender{"t", "web", "a"};
  const std::set<std::string> keys{
      conversation_key({"c", "1", "2", sender}),
      conversation_key({"c", "12", "", sender}),
      conversation_key({"c", "", "12", sender}),
      conversation_key({"c1", "2", "", sender}),
      conversation_key({"c", "1:1", "2", sender}),
      conversation_key({"c", "1", "1:2", sender}),
      conversation_key({"c", "1", "2", {"t", "we", "ba"}}),
      conversation_key({"c", "1", "2", {"tw", "eb", "a"}}),
      conversation_key({"c", "1", "21:t", {"", "web", "a"}}),
  };
  CHECK(keys.size() == 9);
  CHECK(conversation_key({"c", "1", "2", sender}) == conversation_key({"c", "1", "2", sender}));
}

}  // namespace
}  // namespace usher
