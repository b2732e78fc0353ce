#include "channels/discord/gateway/frame.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <utility>

namespace usher::discord {
namespace {

constexpr std::size_t kMaxName = 64;

// Listens to the parser until the three members of the outermost object are known.
struct Envelope {
  constexpr static std::size_t max_object_size = static_cast<std::size_t>(-1);
  constexpr static std::size_t max_array_size = static_cast<std::size_t>(-1);
  constexpr static std::size_t max_key_size = static_cast<std::size_t>(-1);
  constexpr static std::size_t max_string_size = static_cast<std::size_t>(-1);
  using Code = boost::system::error_code;
  using Text = boost::json::string_view;

  Frame frame;
  int depth = 0;
  std::string key, text;
  bool has_op = false, has_seq = false, has_type = false, is_malformed = false;

  bool is_whole() const { return has_op && has_seq && has_type; }
  bool go_on(Code& code) const {
    if (!is_whole() && !is_malformed) return true;
    code = boost::json::error::extra_data;  // ends the parsing, no more
    return false;
  }

  bool take_number(std::optional<std::int64_t> number, Code& code) {
    if (depth != 1) return true;
    is_malformed = key == "t";
    if (key == "op") {
      is_malformed = !number || *number < 0 || *number > 255;
      frame.op = is_malformed ? -1 : static_cast<int>(*number);
      has_op = true;
    } else if (key == "s") {
      is_malformed = !number || *number < 0;
      frame.seq = number;
      has_seq = true;
    }
    return go_on(code);
  }
  // A value that is no number and no text: only s and t may be null, and no other is right for any of the three.
  bool take_other(bool is_null, Code& code) {
    if (depth != 1) return true;
    has_seq = has_seq || key == "s";
    has_type = has_type || key == "t";
    is_malformed = key == "op" || (!is_null && (key == "s" || key == "t"));
    return go_on(code);
  }
  void append(std::string& out, Text part) const {
    if (depth == 1 && out.size() <= kMaxName) out.append(part.data(), std::min(part.size(), kMaxName + 1));
  }

  bool on_object_begin(Code& code) { return take_other(false, code) && (++depth, true); }
  bool on_object_end(std::size_t, Code&) { return --depth, true; }
  bool on_array_begin(Code& code) { return take_other(false, code) && (++depth, true); }
  bool on_array_end(std::size_t, Code&) { return --depth, true; }
  bool on_key_part(Text part, std::size_t, Code&) { return append(text, part), true; }
  bool on_key(Text part, std::size_t, Code&) {
    append(text, part);
    if (depth == 1) key = std::exchange(text, "");
    return true;
  }
  bool on_string_part(Text part, std::size_t, Code&) { return append(text, part), true; }
  bool on_string(Text part, std::size_t, Code& code) {
    if (depth != 1) return true;
    append(text, part);
    frame.type = key == "t" ? text : std::move(frame.type);
    has_type = has_type || key == "t";
    is_malformed = key == "op" || key == "s" || (key == "t" && text.size() > kMaxName);
    text.clear();
    return go_on(code);
  }
  bool on_int64(std::int64_t number, Text, Code& code) { return take_number(number, code); }
  bool on_uint64(std::uint64_t, Text, Code& code) { return take_number(std::nullopt, code); }  // beyond int64
  bool on_double(double, Text, Code& code) { return take_number(std::nullopt, code); }
  bool on_bool(bool, Code& code) { return take_other(false, code); }
  bool on_null(Code& code) { return take_other(true, code); }
  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_number_part(Text, Code&) { return true; }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }
};

std::string encode(Op op, json::value data) {
  return json::serialize(json::object{{"op", static_cast<int>(op)}, {"d", std::move(data)}});
}

}  // namespace

Result<Frame> read_frame(std::string_view text) {
  if (text.size() > kMaxFrameBytes) return fail(ErrorKind::protocol, "Discord sent an event beyond all measure");
  boost::json::basic_parser<Envelope> parser{boost::json::parse_options{}};
  boost::system::error_code error;
  parser.write_some(false, text.data(), text.size(), error);
  Envelope& envelope = parser.handler();
  const bool is_read = envelope.is_whole() || (!error && envelope.has_op);
  if (envelope.is_malformed || !is_read) return fail(ErrorKind::protocol, "Discord sent what is no gateway event");
  return std::move(envelope.frame);
}

Result<json::value> read_data(std::string_view text) {
  Result<json::value> frame = parse_json(text, kMaxFrameBytes);
  if (!frame) return fail(std::move(frame.error()));
  json::object* object = frame->if_object();
  json::value* data = object ? object->if_contains("d") : nullptr;
  return data ? std::move(*data) : json::value();
}

std::string encode_heartbeat(std::optional<std::int64_t> seq) {
  return encode(kHeartbeat, seq ? json::value(*seq) : json::value());
}

std::string encode_identify(const Secret& token, std::uint32_t intents, int shard, int shards) {
  return encode(kIdentify, json::object{{"token", token.expose()},
                                        {"intents", intents},
                                        {"shard", json::array{shard, shards}},
                                        {"large_threshold", 50},  // the fewest members a guild may be sent with
                                        {"properties", {{"os", "linux"}, {"browser", "usher"}, {"device", "usher"}}}});
}

std::string encode_resume(const Secret& token, std::string_view session_id, std::int64_t seq) {
  return encode(kResume, json::object{{"token", token.expose()}, {"session_id", session_id}, {"seq", seq}});
}

}  // namespace usher::discord
