#include "gateway/journal/incoming_json.h"

#include <doctest/doctest.h>

using usher::channel::Attachment;
using usher::channel::Incoming;
using usher::gateway::incoming_from_json;
using usher::gateway::to_json;

TEST_CASE("a message survives the journal's JSON whole") {
  const Incoming in{
      .channel = "shop",
      .platform_id = "9007199254740993",
      .kind = "telegram",
      .sender_id = "42",
      .display_name = "Ann \"the\" \xF0\x9F\x98\x80",
      .chat = "-100123",
      .thread = "7",
      .message_id = "99",
      .is_group = true,
      .text = "line\nline\t\x01",
      .attachments =
          {{.kind = Attachment::Kind::image, .platform_id = "f", .name = "n", .media_type = "image/png", .bytes = 12}},
      .sent_at = 1790000000,
      .guild = "g",
      .platform_roles = {"1", "2"}};
  auto out = incoming_from_json(to_json(in));
  REQUIRE(out);
  CHECK(to_json(*out) == to_json(in));
  CHECK(out->text == in.text);
  CHECK(out->platform_id == in.platform_id);
  REQUIRE(out->attachments.size() == 1);
  CHECK(out->attachments[0].kind == Attachment::Kind::image);
  CHECK(out->attachments[0].bytes == 12);
  CHECK(out->platform_roles == in.platform_roles);
  CHECK(out->is_group);
}

TEST_CASE("a text that escapes make six times longer is read back") {
  const Incoming in{.channel = "shop", .platform_id = "1", .text = std::string(300'000, '\x01')};
  auto out = incoming_from_json(to_json(in));
  REQUIRE(out);
  CHECK(out->text == in.text);
}

TEST_CASE("a damaged row is an error, not a message") { CHECK_FALSE(incoming_from_json("{\"text\":")); }
