#include "channels/telegram/codec.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace usher;
using namespace usher::telegram;

namespace {

DecodeContext context(GroupMode groups = GroupMode::mention) { return {"shop", {4242, "Shop_Bot"}, groups}; }

Batch decode(const std::string& updates, GroupMode groups = GroupMode::mention) {
  const ApiResult result = decode_answer(200, R"({"ok":true,"result":)" + updates + "}", "");
  REQUIRE(result.has_value());
  Result<Batch> batch = decode_updates(*result, context(groups));
  REQUIRE(batch.has_value());
  return *batch;
}

const std::string kPrivate = R"("chat":{"id":7,"type":"private"})";
const std::string kGroup = R"("chat":{"id":-1001234567890,"type":"supergroup"})";
const std::string kFrom = R"("from":{"id":7,"is_bot":false,"first_name":"Ann","last_name":"Lee","username":"owner"})";

std::string update(const std::string& members, const std::string& kind = "message") {
  return R"([{"update_id":5,")" + kind + R"(":{"message_id":9,"date":1700000000,)" + members + "}}]";
}

std::string entity(const std::string& type, int offset, int length, const std::string& more = "") {
  return R"("entities":[{"type":")" + type + R"(","offset":)" + std::to_string(offset) + R"(,"length":)" +
         std::to_string(length) + more + "}]";
}

}  // namespace

TEST_CASE("a private message becomes an Incoming with ids as decimal strings") {
  const Batch batch = decode(update(kPrivate + "," + kFrom + R"(,"text":"hi @Shop_Bot",)" + entity("mention", 3, 9)));
  REQUIRE(batch.messages.size() == 1);
  const channel::Incoming& in = batch.messages[0];
  CHECK(in.channel == "shop");
  CHECK(in.platform_id == "5");
  CHECK(in.kind == "telegram");
  CHECK(in.sender_id == "7");
  CHECK(in.display_name == "Ann Lee");
  CHECK(in.chat == "7");
  CHECK(in.thread == "");
  CHECK(in.message_id == "9");
  CHECK_FALSE(in.is_group);
  CHECK(in.text == "hi @Shop_Bot");
  CHECK(in.sent_at == 1700000000);
  CHECK(batch.next_offset == 6);
}

TEST_CASE("ids beyond 2^53 stay exact") {
  const Batch batch =
      decode(R"([{"update_id":9007199254740993,"message":{"message_id":9007199254740995,"date":1,)"
             R"("chat":{"id":-9007199254740997,"type":"group"},"from":{"id":9007199254740999,"is_bot":false},)"
             R"("text":"x"}}])",
             GroupMode::all);
  REQUIRE(batch.messages.size() == 1);
  CHECK(batch.messages[0].sender_id == "9007199254740999");
  CHECK(batch.messages[0].chat == "-9007199254740997");
  CHECK(batch.messages[0].platform_id == "9007199254740993");
  CHECK(batch.next_offset == 9007199254740994);
}

TEST_CASE("in a group only what addresses the bot is delivered") {
  struct Case {
    const char* name;
    std::string members;  // beside chat and from
    bool is_delivered;
    std::string text;
  };
  const std::string forwarded = R"(,"forward_origin":{"type":"user"})";
  const std::vector<Case> cases = {
      {"chatter", R"("text":"hello all")", false, ""},
      {"mention", R"("text":"@shop_bot  hi there",)" + entity("mention", 0, 9), true, "hi there"},
      {"mention behind an emoji", R"("text":"😀 ask @SHOP_BOT now",)" + entity("mention", 7, 9), true, "😀 ask now"},
      {"somebody else", R"("text":"@other_bot hi",)" + entity("mention", 0, 10), false, ""},
      {"a longer name", R"("text":"@shop_bot2 hi",)" + entity("mention", 0, 10), false, ""},
      {"the name without an entity", R"("text":"@shop_bot hi")", false, ""},
      {"text mention", R"("text":"Shop, hi",)" + entity("text_mention", 0, 4, R"(,"user":{"id":4242})"), true, ", hi"},
      {"text mention of another", R"("text":"Shop, hi",)" + entity("text_mention", 0, 4, R"(,"user":{"id":4243})"),
       false, ""},
      {"bare command", R"("text":"/help",)" + entity("bot_command", 0, 5), true, "/help"},
      {"command to the bot", R"("text":"/help@shop_bot me",)" + entity("bot_command", 0, 14), true, "/help me"},
      {"command to another", R"("text":"/help@other_bot",)" + entity("bot_command", 0, 15), false, ""},
      {"a bare command inside", R"("text":"see /help",)" + entity("bot_command", 4, 5), false, ""},
      {"reply to the bot", R"("text":"yes","reply_to_message":{"message_id":1,"from":{"id":4242,"is_bot":true}})", true,
       "yes"},
      {"reply to another", R"("text":"yes","reply_to_message":{"message_id":1,"from":{"id":8}})", false, ""},
      {"a topic that the bot opened",
       R"("text":"yes","reply_to_message":{"message_id":1,"from":{"id":4242},"forum_topic_created":{"name":"x"}})",
       false, ""},
      {"only the name", R"("text":"@shop_bot",)" + entity("mention", 0, 9), true, "@shop_bot"},
      {"forwarded mention", R"("text":"@shop_bot hi",)" + entity("mention", 0, 9) + forwarded, false, ""},
      {"entity out of range", R"("text":"@shop_bot",)" + entity("mention", 4, 900), false, ""},
      {"negative entity", R"("text":"@shop_bot",)" + entity("mention", -1, 9), false, ""},
      {"caption",
       R"("caption":"@shop_bot look","caption_entities":[{"type":"mention","offset":0,"length":9}],)"
       R"("photo":[{"file_id":"p","width":1,"height":1}])",
       true, "look"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const Batch batch = decode(update(kGroup + "," + kFrom + "," + c.members));
    CHECK(batch.next_offset == 6);
    CHECK(batch.messages.size() == (c.is_delivered ? 1 : 0));
    if (c.is_delivered && batch.messages.size() == 1) CHECK(batch.messages[0].text == c.text);
    CHECK(decode(update(kGroup + "," + kFrom + "," + c.members), GroupMode::off).messages.empty());
    CHECK(decode(update(kGroup + "," + kFrom + "," + c.members), GroupMode::all).messages.size() == 1);
  }
}

TEST_CASE("nobody the platform does not vouch for becomes a sender") {
  const std::string to_bot = R"(,"text":"/help",)" + entity("bot_command", 0, 5);
  const std::string channel = R"("sender_chat":{"id":-100,"type":"channel"})";
  const Batch anonymous =
      decode(update(kGroup + R"(,"from":{"id":1087968824,"is_bot":true,"first_name":"Group"},)" + channel + to_bot));
  REQUIRE(anonymous.messages.size() == 1);
  CHECK(anonymous.messages[0].sender_id == "");
  const Batch without_from = decode(update(kGroup + to_bot));
  REQUIRE(without_from.messages.size() == 1);
  CHECK(without_from.messages[0].sender_id == "");
  const Batch strange_ids = decode(update(kGroup + R"(,"from":{"id":-7,"is_bot":false})" + to_bot));
  REQUIRE(strange_ids.messages.size() == 1);
  CHECK(strange_ids.messages[0].sender_id == "");
  CHECK(decode(update(kGroup + R"(,"from":{"id":8,"is_bot":true})" + to_bot)).messages.empty());
  CHECK(decode(update(kGroup + "," + kFrom + "," + channel + R"(,"is_automatic_forward":true)" + to_bot))
            .messages.empty());
  CHECK(decode(update(R"("chat":{"id":-5,"type":"channel"})" + to_bot)).messages.empty());
}

TEST_CASE("edits and unknown kinds are confirmed and not delivered") {
  const std::string body = kPrivate + "," + kFrom + R"(,"text":"x")";
  for (const char* kind : {"edited_message", "channel_post", "callback_query", "my_chat_member", "something_new"}) {
    CAPTURE(kind);
    const Batch batch = decode(update(body, kind));
    CHECK(batch.messages.empty());
    CHECK(batch.next_offset == 6);
  }
  CHECK(decode(update(kPrivate + "," + kFrom + R"(,"new_chat_title":"x")")).messages.empty());
}

TEST_CASE("a thread id is taken only from a real topic") {
  const auto thread = [](const std::string& members) {
    return decode(update(kGroup + "," + kFrom + R"(,"text":"x",)" + members), GroupMode::all).messages.at(0).thread;
  };
  CHECK(thread(R"("message_thread_id":55,"is_topic_message":true)") == "55");
  CHECK(thread(R"("message_thread_id":55)") == "");
  CHECK(thread(R"("message_thread_id":1,"is_topic_message":true)") == "");
}

TEST_CASE("the largest photo that can be downloaded is taken") {
  const Batch batch =
      decode(update(kPrivate + "," + kFrom +
                    R"(,"caption":"look","photo":[)"
                    R"({"file_id":"s","width":90,"file_size":100},{"file_id":"l","width":1280,"file_size":2000},)"
                    R"({"file_id":"xl","width":9000,"file_size":30000000},{"width":20000}])"));
  REQUIRE(batch.messages.size() == 1);
  CHECK(batch.messages[0].text == "look");
  REQUIRE(batch.messages[0].attachments.size() == 1);
  const channel::Attachment& photo = batch.messages[0].attachments[0];
  CHECK(photo.kind == channel::Attachment::Kind::image);
  CHECK(photo.platform_id == "l");
  CHECK(photo.bytes == 2000);
}

TEST_CASE("documents are images only when they say so") {
  const auto kind = [](const std::string& media_type) {
    const Batch batch =
        decode(update(kPrivate + "," + kFrom + R"(,"document":{"file_id":"d","file_name":"a.x","mime_type":")" +
                      media_type + R"("})"));
    REQUIRE(batch.messages.size() == 1);
    return batch.messages[0].attachments.at(0).kind;
  };
  CHECK(kind("image/png") == channel::Attachment::Kind::image);
  CHECK(kind("application/pdf") == channel::Attachment::Kind::other);
}

TEST_CASE("a forwarded text is marked and is no command") {
  const Batch batch = decode(update(kPrivate + "," + kFrom + R"(,"text":"/stop","forward_origin":{"type":"user"},)" +
                                    entity("bot_command", 0, 5)));
  REQUIRE(batch.messages.size() == 1);
  CHECK(batch.messages[0].text == "Forwarded message:\n/stop");
}

TEST_CASE("a poisoned update never blocks its batch") {
  const std::string good =
      R"({"update_id":12,"message":{"message_id":9,"date":1,)" + kPrivate + "," + kFrom + R"(,"text":"ok"}})";
  const std::vector<std::string> poison = {
      R"({"update_id":11,"message":7})",
      R"({"update_id":11,"message":{}})",
      R"({"update_id":11,"message":{"chat":[],"message_id":"x"}})",
      R"({"update_id":11})",
      "7",
      "null",
      "[]",
      R"({"update_id":"11"})",
      R"({"update_id":1.5})",
      R"({"update_id":-4})",
      R"({"update_id":11,"message":{"message_id":1,"chat":{"id":"7","type":"private"},"text":"x"}})",
      R"({"update_id":11,"message":{"message_id":1,"date":"soon","chat":{"id":7,"type":"private"},"from":[],"text":{},"entities":7,"photo":{}}})",
      R"({"update_id":11,"message":{"message_id":1,"chat":{"id":7,"type":"private"},"text":"\ud800"}})",
      R"({"update_id":11,"message":{"message_id":1,"chat":{"id":7,"type":"private"},"text":"\udc00\ud83d\ude00\\ud800"}})",
      "{\"update_id\":11,\"message\":{\"message_id\":1,\"chat\":{\"id\":7,\"type\":\"private\"},\"text\":\"\xff\xc0\"}"
      "}",
  };
  for (const std::string& bad : poison) {
    CAPTURE(bad);
    const Batch batch = decode("[" + bad + "," + good + "]");
    REQUIRE_FALSE(batch.messages.empty());
    CHECK(batch.messages.back().text == "ok");
    CHECK(batch.next_offset == 13);
  }
}

TEST_CASE("lone surrogates are replaced, pairs and escaped backslashes kept") {
  const Batch batch = decode(update(kPrivate + "," + kFrom + R"(,"text":"a\ud800b\ud83d\ude00c\\ud800d\udc00")"));
  REQUIRE(batch.messages.size() == 1);
  CHECK(batch.messages[0].text == "a\uFFFDb😀c\\ud800d\uFFFD");
}

TEST_CASE("the next offset follows the last update even when ids start anew") {
  const Batch batch = decode(R"([{"update_id":999},{"update_id":3}])");
  CHECK(batch.next_offset == 4);
  CHECK(decode("[]").next_offset == std::nullopt);
  CHECK_FALSE(decode_updates(json::parse(R"([{"x":1}])"), context()).has_value());
  CHECK_FALSE(decode_updates(json::parse(R"({"x":1})"), context()).has_value());
}

TEST_CASE("refusals are told apart") {
  struct Case {
    int status;
    const char* body;
    ApiErrorKind kind;
  };
  const auto error = [](int code, const std::string& description) {
    return R"({"ok":false,"error_code":)" + std::to_string(code) + R"(,"description":")" + description + R"("})";
  };
  const std::vector<std::pair<std::string, ApiErrorKind>> by_description = {
      {"Bad Request: can't parse entities: x", ApiErrorKind::cannot_parse},
      {"Bad Request: message thread not found", ApiErrorKind::thread_not_found},
      {"Bad Request: message to be replied not found", ApiErrorKind::reply_not_found},
      {"Bad Request: message text is empty", ApiErrorKind::text_empty},
      {"Bad Request: chat not found", ApiErrorKind::gone},
      {"Bad Request: something new", ApiErrorKind::refused},
  };
  for (const auto& [description, kind] : by_description)
    CHECK(decode_answer(400, error(400, description), "").error().kind == kind);
  CHECK(decode_answer(403, error(403, "Forbidden: bot was blocked by the user"), "").error().kind ==
        ApiErrorKind::gone);
  CHECK(decode_answer(403, error(403, "Forbidden: user is deactivated"), "").error().kind == ApiErrorKind::gone);
  CHECK(decode_answer(401, error(401, "Unauthorized"), "").error().kind == ApiErrorKind::token_refused);
  CHECK(decode_answer(404, error(404, "Not Found"), "").error().kind == ApiErrorKind::token_refused);
  CHECK(decode_answer(409, error(409, "Conflict: terminated by other getUpdates request"), "").error().kind ==
        ApiErrorKind::other_poller);
  CHECK(decode_answer(409, error(409, "Conflict: can't use getUpdates method while webhook is active"), "")
            .error()
            .kind == ApiErrorKind::webhook_active);
  CHECK(decode_answer(500, error(500, "Internal Server Error"), "").error().kind == ApiErrorKind::unavailable);
  for (const char* garbage :
       {"", "<html>", "[]", "{}", R"({"ok":true})", R"({"ok":1,"result":[]})", "{\"ok\":true,\"result\":[", "\0"}) {
    CAPTURE(garbage);
    CHECK(decode_answer(200, garbage, "").error().kind == ApiErrorKind::unavailable);
  }
}

TEST_CASE("a group that moves is told to the operator with both ids, as ceilings know the old one") {
  const Batch batch = decode(
      R"([{"update_id":1,"message":{"message_id":2,"date":1,"chat":{"id":-5,"type":"group"},"migrate_to_chat_id":-1009}}])");
  CHECK(batch.messages.empty());
  CHECK(batch.next_offset == 2);
  REQUIRE(batch.problems.size() == 1);
  CHECK(batch.problems[0].find("-5") != std::string::npos);
  CHECK(batch.problems[0].find("-1009") != std::string::npos);
}

TEST_CASE("waits and migrations are read from the answer") {
  using std::chrono::seconds;
  const auto limited =
      decode_answer(429, R"({"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":17}})", "3");
  CHECK(limited.error().kind == ApiErrorKind::too_many_requests);
  CHECK(limited.error().retry_after == seconds(17));
  CHECK(decode_answer(429, R"({"ok":false,"error_code":429,"description":"x"})", "3").error().retry_after ==
        seconds(3));
  CHECK(decode_answer(429, "<html>", "4").error().retry_after == seconds(4));
  CHECK(
      decode_answer(429, R"({"ok":false,"error_code":429,"parameters":{"retry_after":-5}})", "").error().retry_after ==
      seconds(0));
  const auto moved = decode_answer(
      400, R"({"ok":false,"error_code":400,"description":"x","parameters":{"migrate_to_chat_id":-100777}})", "");
  CHECK(moved.error().kind == ApiErrorKind::migrated);
  CHECK(moved.error().migrate_to == -100777);
}

TEST_CASE("requests are compact JSON in the platform's terms") {
  CHECK(encode_get_updates(5, std::chrono::seconds(25)) ==
        R"({"offset":5,"timeout":25,"limit":100,"allowed_updates":["message","callback_query","my_chat_member"]})");
  CHECK(encode_get_updates(std::nullopt, std::chrono::seconds(25)).find("offset") == std::string::npos);
  CHECK(
      encode_send({"-100", "55", "9"}, {"<b>a</b>", "a"}, false) ==
      R"({"chat_id":-100,"message_thread_id":55,"text":"<b>a</b>","parse_mode":"HTML",)"
      R"("link_preview_options":{"is_disabled":true},"reply_parameters":{"message_id":9,"allow_sending_without_reply":true}})");
  CHECK(encode_send({"7", "", ""}, {"<b>a</b>", "a"}, true) ==
        R"({"chat_id":7,"text":"a","link_preview_options":{"is_disabled":true}})");
  CHECK(encode_send({"7", "1", ""}, {"a", "a"}, true) ==
        R"({"chat_id":7,"text":"a","link_preview_options":{"is_disabled":true}})");
}

TEST_CASE("a file's path is asked for only when it is plain") {
  CHECK(decode_file(json::parse(R"({"file_path":"photos/file_1.jpg","file_size":5})"))->bytes == 5);
  for (const char* path : {"../x", "/etc/passwd", "a b", "a?b", "a#b", "a\\r\\nb", "", "a%2e"}) {
    CAPTURE(path);
    CHECK_FALSE(decode_file(json::parse(std::string(R"({"file_path":")") + path + "\"}")).has_value());
  }
  CHECK_FALSE(decode_file(json::parse("{}")).has_value());
}
