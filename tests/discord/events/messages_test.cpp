// MESSAGE_CREATE → Incoming: who speaks, whether the bot is meant, what is said.
#include "channels/discord/events/messages.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "channels/discord/events/snowflake.h"

namespace usher::discord {
namespace {

constexpr const char* kBot = "1000";

// "hello" of Ann, as a direct message.
json::value direct() {
  return json::parse(R"({"id":"11","channel_id":"22","type":0,"content":"hello","timestamp":
    "2026-11-27T12:34:56.789000+00:00","author":{"id":"33","username":"ann","global_name":"Ann"},"mentions":[]})");
}

// The same in a guild, to the bot.
json::value in_guild() {
  json::value event = direct();
  json::object& fields = event.as_object();
  fields["guild_id"] = "44";
  fields["content"] = "<@1000> hello";
  fields["mentions"] = json::parse(R"([{"id":"1000","username":"usher"}])");
  fields["member"] = json::parse(R"({"nick":"Annie","roles":["55","66"]})");
  return event;
}

// Each change is a JSON object whose members replace the event's; null takes one away.
json::value with(json::value event, std::string_view changes) {
  const json::value patch = json::parse(json::string_view(changes.data(), changes.size()));
  for (const auto& [key, value] : patch.as_object()) {
    if (value.is_null()) {
      event.as_object().erase(key);
    } else {
      event.as_object()[key] = value;
    }
  }
  return event;
}

std::optional<channel::Incoming> decode(const json::value& event, GroupMode groups = GroupMode::mention) {
  std::string problem;
  std::optional<channel::Incoming> message = decode_message(event, {"shop", kBot, groups}, problem);
  CHECK(problem == "");
  return message;
}

std::string text_of(const json::value& event, GroupMode groups = GroupMode::mention) {
  const std::optional<channel::Incoming> message = decode(event, groups);
  return message ? message->text : "(dropped)";
}

constexpr const char* kDropped = "(dropped)";

TEST_CASE("a direct message says who, where, what and when") {
  const std::optional<channel::Incoming> in = decode(direct());
  REQUIRE(in.has_value());
  CHECK(in->channel == "shop");
  CHECK(in->kind == "discord");
  CHECK(in->platform_id == "11");
  CHECK(in->message_id == "11");
  CHECK(in->sender_id == "33");
  CHECK(in->display_name == "Ann");
  CHECK(in->chat == "22");
  CHECK(in->thread == "");
  CHECK_FALSE(in->is_group);
  CHECK(in->guild == "");
  CHECK(in->text == "hello");
  CHECK(in->sent_at == 1795782896);
}

TEST_CASE("a guild's message carries the guild and the roles that Discord vouches for") {
  const std::optional<channel::Incoming> in = decode(in_guild());
  REQUIRE(in.has_value());
  CHECK(in->is_group);
  CHECK(in->guild == "44");
  CHECK(in->platform_roles == std::vector<std::string>{"55", "66"});
  CHECK(in->display_name == "Annie");
  CHECK(in->text == "hello");
}

TEST_CASE("roles that are no ids are none, and a direct message has none whatever it says") {
  const auto roles = [](const json::value& event) { return decode(event)->platform_roles; };
  CHECK(roles(with(in_guild(), R"({"member":{"roles":["x","055",55,null,"55"]}})")) == std::vector<std::string>{"55"});
  CHECK(roles(with(in_guild(), R"({"member":{"roles":[]}})")).empty());
  CHECK(roles(with(direct(), R"({"member":{"roles":["55"]}})")).empty());
  CHECK(decode(with(direct(), R"({"member":{"roles":["55"]}})"))->guild == "");
}

TEST_CASE("of whom a guild's message does not say what roles they hold, they are not taken to hold none") {
  for (const char* change : {R"({"member":null})", R"({"member":{}})", R"({"member":{"roles":"55"}})"}) {
    std::string problem;
    CHECK_FALSE(decode_message(with(in_guild(), change), {"shop", kBot, GroupMode::mention}, problem));
    CHECK_FALSE(problem.empty());
  }
}

TEST_CASE("only people are heard") {
  for (const char* change : {
           R"({"author":{"id":"1000","username":"usher"}})",
           R"({"author":{"id":"33","username":"other","bot":true}})",
           R"({"author":{"id":"33","username":"Discord","system":true}})",
           R"({"webhook_id":"33"})",
           R"({"type":7})",
           R"({"type":6})",
           R"({"type":18})",
           R"({"type":20})",
           R"({"type":21})",
           R"({"type":23})",
           R"({"type":24})",
       }) {
    CAPTURE(change);
    CHECK(text_of(with(direct(), change)) == kDropped);
    CHECK(text_of(with(in_guild(), change), GroupMode::all) == kDropped);
  }
  CHECK(text_of(with(direct(), R"({"type":19})")) == "hello");
}

TEST_CASE("names, nicknames and whatever else anybody may choose change nothing but the name shown") {
  const channel::Incoming plain = *decode(in_guild());
  channel::Incoming renamed = *decode(with(
      in_guild(), R"({"author":{"id":"33","username":"1","global_name":"34","discriminator":"0001","avatar":"owner"},
                      "member":{"nick":"owner","roles":["55","66"]},"application_id":"9","tts":true})"));
  CHECK(renamed.display_name == "owner");
  renamed.display_name = plain.display_name;
  CHECK(renamed.sender_id == plain.sender_id);
  CHECK(renamed.platform_roles == plain.platform_roles);
  CHECK(renamed.text == plain.text);
}

TEST_CASE("in a guild only who names the bot, or answers it, means it") {
  struct Row {
    const char* changes;
    const char* text;
  };
  const Row rows[] = {
      {R"({"content":"hello","mentions":[]})", kDropped},
      {R"({"content":"<@!1000> hello"})", "hello"},
      {R"({"content":"hello <@1000>, there"})", "hello , there"},
      {R"({"content":"say <@1000> twice <@!1000>"})", "say twice"},
      {R"({"content":"<@1000>"})", "<@1000>"},
      {R"({"content":"<@1000> hello","mentions":[]})", kDropped},  // in a code block, say
      {R"({"content":"hello"})", kDropped},                        // listed, but not named
      {R"({"content":"<@10000> hello","mentions":[{"id":"10000"}]})", kDropped},
      {R"({"content":"<@&1000> hello","mentions":[],"mention_roles":["1000"]})", kDropped},
      {R"({"content":"@everyone","mentions":[],"mention_everyone":true})", kDropped},
      {R"({"content":"<@1000> and <@33>","mentions":[{"id":"1000"},{"id":"33"}]})", "and <@33>"},
      {R"({"content":"yes","mentions":[],"type":19,"referenced_message":{"author":{"id":"1000"}}})", "yes"},
      {R"({"content":"yes","mentions":[],"type":19,"referenced_message":{"author":{"id":"34"}}})", kDropped},
      {R"({"content":"yes","mentions":[],"type":19})", kDropped},
      {R"({"content":"yes","mentions":[],"type":0,"referenced_message":{"author":{"id":"1000"}}})", kDropped},
  };
  for (const Row& row : rows) {
    CAPTURE(row.changes);
    CHECK(text_of(with(in_guild(), row.changes)) == row.text);
  }
}

TEST_CASE("a guild may be heard throughout or not at all; direct messages always are") {
  const json::value talk = with(in_guild(), R"({"content":"hello","mentions":[]})");
  CHECK(text_of(talk, GroupMode::all) == "hello");
  CHECK(text_of(in_guild(), GroupMode::off) == kDropped);
  CHECK(text_of(direct(), GroupMode::off) == "hello");
}

TEST_CASE("a message in a thread belongs to the thread, which is a channel of its own") {
  const std::optional<channel::Incoming> in = decode(with(in_guild(), R"({"channel_id":"99","position":3})"));
  CHECK(in->chat == "99");
  CHECK(in->thread == "");
}

TEST_CASE("forwarded words are marked, call nobody and bring their files") {
  const char* forward = R"({"content":"","type":0,"message_reference":{"type":1,"message_id":"5"},"mentions":[],
    "message_snapshots":[{"message":{"content":"/stop <@1000>","attachments":[{"id":"1","url":"https://f/1"}]}}]})";
  const std::optional<channel::Incoming> in = decode(with(direct(), forward));
  REQUIRE(in.has_value());
  CHECK(in->text == "Forwarded message:\n/stop <@1000>");
  CHECK(in->attachments.size() == 1);
  CHECK(text_of(with(in_guild(), forward)) == kDropped);
  CHECK(text_of(with(direct(), R"({"content":"","message_reference":{"type":1},"message_snapshots":[]})")) == kDropped);
}

TEST_CASE("attachments are at most ten, images by their type, and keep their address") {
  const std::optional<channel::Incoming> in = decode(with(direct(), R"({"content":"","attachments":[
    {"id":"1","url":"https://cdn/1","filename":"a.png","content_type":"image/png","size":1234},
    {"id":"2","url":"https://cdn/2","filename":"b.svg","content_type":"image/svg+xml","size":-5},
    {"id":"3","url":"https://cdn/3","filename":"c.JPG","content_type":"IMAGE/JPEG; charset=x"},
    {"id":"4","filename":"no address"},{"id":"5","url":7},3,null]})"));
  REQUIRE(in.has_value());
  REQUIRE(in->attachments.size() == 3);
  using Kind = channel::Attachment::Kind;
  CHECK(in->attachments[0].kind == Kind::image);
  CHECK(in->attachments[0].platform_id == "https://cdn/1");
  CHECK(in->attachments[0].name == "a.png");
  CHECK(in->attachments[0].media_type == "image/png");
  CHECK(in->attachments[0].bytes == 1234);
  CHECK(in->attachments[1].kind == Kind::other);
  CHECK(in->attachments[1].bytes == 0);
  CHECK(in->attachments[2].kind == Kind::image);

  std::string many;
  for (int i = 0; i < 30; ++i) many += std::string(i ? "," : "") + R"({"url":"https://cdn/x"})";
  CHECK(decode(with(direct(), R"({"attachments":[)" + many + "]}"))->attachments.size() == 10);
}

TEST_CASE("what holds neither words nor files is nothing: stickers, polls, empty content without the intent") {
  CHECK(text_of(with(direct(), R"({"content":"","sticker_items":[{"id":"1"}]})")) == kDropped);
  CHECK(text_of(with(in_guild(), R"({"content":""})"), GroupMode::all) == kDropped);
}

TEST_CASE("an event without its ids or with ids that are none is a problem, never a message") {
  for (const char* change :
       {R"({"id":null})", R"({"id":11})", R"({"id":""})", R"({"id":"-1"})", R"({"channel_id":"2x"})",
        R"({"channel_id":null})", R"({"author":null})", R"({"author":{"username":"ann"}})",
        R"({"author":{"id":"033"}})", R"({"author":{"id":"0"}})", R"({"author":{"id":"18446744073709551616"}})",
        R"({"author":{"id":" 33"}})", R"({"author":[]})", R"({"guild_id":""})", R"({"guild_id":44})",
        R"({"guild_id":"x"})", R"({"type":null})", R"({"type":"0"})"}) {
    CAPTURE(change);
    std::string problem;
    CHECK_FALSE(decode_message(with(in_guild(), change), {"shop", kBot, GroupMode::all}, problem).has_value());
    CHECK(problem != "");
  }
  std::string problem;
  CHECK_FALSE(decode_message(json::value(), {"shop", kBot, GroupMode::all}, problem).has_value());
  CHECK(problem != "");
}

TEST_CASE("names are bounded and whole characters, and times that are none are zero") {
  std::string name;
  for (int i = 0; i < 100; ++i) name += "ä";
  const auto in = decode(with(direct(), R"({"author":{"id":"33","username":")" + name + R"("},"timestamp":"soon"})"));
  CHECK(in->display_name.size() == 128);
  CHECK(in->sent_at == 0);
  for (const char* time : {"2026-13-27T12:34:56", "2026-02-30T12:34:56", "2026-11-27 12:34:56", "-026-11-27T12:34:56",
                           "2026-11-27T1x:34:56", ""}) {
    CHECK(decode(with(direct(), std::string(R"({"timestamp":")") + time + R"("})"))->sent_at == 0);
  }
}

TEST_CASE("snowflakes are decimal, canonical and below 2^64") {
  for (const char* id : {"1", "9", "80351110224678912", "18446744073709551615"}) CHECK(is_snowflake(id));
  for (const char* id : {"", "0", "01", "-1", "+1", " 1", "1 ", "1.0", "0x1", "18446744073709551616", "٣", "a"}) {
    CAPTURE(id);
    CHECK_FALSE(is_snowflake(id));
  }
}

}  // namespace
}  // namespace usher::discord
