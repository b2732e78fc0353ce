// The gateway's envelopes, and its compressed stream.
#include <doctest/doctest.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "channels/discord/gateway/frame.h"
#include "channels/discord/gateway/inflater.h"

namespace usher::discord {
namespace {

TEST_CASE("op, s and t are read wherever they stand") {
  for (const char* text : {R"({"t":"X","s":7,"op":0,"d":{"t":"Y","s":8,"op":9}})",
                           R"({"d":{"t":"Y","s":8,"op":9,"z":[{"t":"Z"}]},"op":0,"s":7,"t":"X"})",
                           R"( {"op":0, "d":[{"op":3}], "t":"X", "more":"t", "s":7} )"}) {
    const Result<Frame> frame = read_frame(text);
    REQUIRE(frame.has_value());
    CHECK(frame->op == 0);
    CHECK(frame->seq == 7);
    CHECK(frame->type == "X");
  }
  const Result<Frame> bare = read_frame(R"({"op":11})");
  REQUIRE(bare.has_value());
  CHECK_FALSE(bare->seq.has_value());
  CHECK(bare->type == "");
  CHECK(read_frame(R"({"t":null,"s":null,"op":1,"d":null})")->op == 1);
}

TEST_CASE("the data of an event that is passed over are not looked at") {
  CHECK(read_frame(R"({"t":"GUILD_CREATE","s":1,"op":0,"d":{ this is never read)").has_value());
  CHECK_FALSE(read_frame(R"({"op":0,"d":{ this has to be)").has_value());
}

TEST_CASE("what is no envelope is refused") {
  const std::string bad[] = {"",
                             "null",
                             "[]",
                             "7",
                             R"("op")",
                             "{}",
                             R"({"op":"0"})",
                             R"({"op":-1})",
                             R"({"op":256})",
                             R"({"op":1e0})",
                             R"({"op":{}})",
                             R"({"op":0,"s":"1"})",
                             R"({"op":0,"s":-1})",
                             R"({"op":0,"s":18446744073709551615})",
                             R"({"op":0,"t":1})",
                             R"({"op":0,"t":[]})",
                             R"({"op":0)",
                             R"({"op":0,"t":")" + std::string(65, 'x') + R"("})",
                             R"({"d":)" + std::string(100'000, '[')};
  for (const std::string& text : bad) {
    CAPTURE(text.substr(0, 80));
    CHECK_FALSE(read_frame(text).has_value());
  }
}

TEST_CASE("data are null when there are none") {
  CHECK(read_data(R"({"op":1})")->is_null());
  CHECK(read_data(R"({"op":1,"d":{"a":1}})")->at("a") == 1);
  CHECK_FALSE(read_data(R"({"op":1,"d":)").has_value());
}

// Each message as Discord compresses it: one stream, flushed behind each.
std::vector<std::string> deflate_all(const std::vector<std::string>& messages) {
  z_stream stream{};
  REQUIRE(deflateInit(&stream, Z_DEFAULT_COMPRESSION) == Z_OK);
  std::vector<std::string> out;
  for (const std::string& message : messages) {
    std::string bytes(message.size() + 256, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(message.data()));
    stream.avail_in = static_cast<uInt>(message.size());
    stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
    stream.avail_out = static_cast<uInt>(bytes.size());
    REQUIRE(deflate(&stream, Z_SYNC_FLUSH) == Z_OK);
    bytes.resize(bytes.size() - stream.avail_out);
    out.push_back(std::move(bytes));
  }
  deflateEnd(&stream);
  return out;
}

const std::vector<std::string> kMessages = {R"({"op":10,"d":{"heartbeat_interval":41250}})",
                                            std::string(100'000, 'a') + "b", "{}", R"({"op":11})"};

TEST_CASE("a stream is inflated message by message, wherever each is cut") {
  const std::vector<std::string> pieces = deflate_all(kMessages);
  for (std::size_t cut = 0; cut <= pieces[0].size(); ++cut) {
    Inflater inflater;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const std::string& piece = pieces[i];
      const std::size_t at = std::min(cut, piece.size());
      Result<std::optional<std::string>> message = inflater.append(std::string_view(piece).substr(0, at));
      REQUIRE(message.has_value());
      if (at < piece.size()) {
        CHECK_FALSE(message->has_value());
        message = inflater.append(std::string_view(piece).substr(at));
        REQUIRE(message.has_value());
      }
      REQUIRE(message->has_value());
      CHECK(**message == kMessages[i]);
    }
  }
}

TEST_CASE("a stream is inflated byte by byte") {
  Inflater inflater;
  std::vector<std::string> messages;
  for (const std::string& piece : deflate_all(kMessages)) {
    for (const char byte : piece) {
      const Result<std::optional<std::string>> message = inflater.append({&byte, 1});
      REQUIRE(message.has_value());
      if (*message) messages.push_back(**message);
    }
  }
  CHECK(messages == kMessages);
}

TEST_CASE("garbage, a damaged stream and one that ends are errors") {
  CHECK(Inflater().append("this is not zlib").error().kind == ErrorKind::protocol);
  std::string damaged = deflate_all(kMessages)[0];
  damaged[5] = static_cast<char>(~damaged[5]);
  damaged[9] = static_cast<char>(~damaged[9]);
  const Result<std::optional<std::string>> message = Inflater().append(damaged);
  CHECK((!message || !*message || **message != kMessages[0]));
  const std::string ended("\x78\x9c\x03\x00\x00\x00\x00\x01", 8);
  CHECK(Inflater().append(ended).error().kind == ErrorKind::protocol);
}

TEST_CASE("a small message that would become a huge one is refused before it has") {
  const std::string bomb = deflate_all({std::string(32u << 20, '\0')})[0];
  CHECK(bomb.size() < 100'000);
  CHECK(Inflater().append(bomb).error().kind == ErrorKind::limit);
  const std::string whole = deflate_all({std::string(1000, 'x')})[0];
  CHECK(Inflater(1000).append(whole).has_value());
  CHECK_FALSE(Inflater(999).append(whole).has_value());
}

}  // namespace
}  // namespace usher::discord
