// links: discord
// Any bytes as one message of the gateway: refused, passed over, or an event whose fields keep their promises.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "channels/discord/events/messages.h"
#include "channels/discord/events/snowflake.h"
#include "channels/discord/gateway/session.h"
#include "channels/discord/shards/places.h"

using namespace usher;
using namespace usher::discord;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const channel::Incoming& in) {
  require(in.kind == "discord" && in.channel == "fuzz");
  require(is_snowflake(in.platform_id) && is_snowflake(in.sender_id) && is_snowflake(in.chat));
  require(in.sender_id != "4242");
  require(in.is_group == !in.guild.empty());
  require(in.is_group || in.platform_roles.empty());
  for (const std::string& role : in.platform_roles) require(is_snowflake(role));
  require(is_valid_utf8(in.text) && is_valid_utf8(in.display_name) && in.display_name.size() <= 128);
  require(!in.text.empty() || !in.attachments.empty());
  require(in.attachments.size() <= 10);
}

// The session, in the middle of its life, whatever comes.
void drive(const Frame& frame, std::string_view text) {
  const Time now{std::chrono::hours(1)};
  StartLimit limit({}, now);
  SessionOptions options{.token = Secret("fuzzed-token"), .gateway_url = "wss://g", .random = [] { return 0.5; }};
  Session session(options, limit, Place{"s", "wss://r", 7}, now);
  session.opened(now);
  for (int i = 0; i < 3; ++i) {
    const Reaction reaction = session.take(now, frame, text);
    for (const std::string& sent : reaction.send) require(sent.size() <= kMaxSentBytes);
    const std::string hello = R"({"op":10,"d":{"heartbeat_interval":1000}})";
    session.take(now, *read_frame(hello), hello);
  }
  require(session.is_fatal() || !session.plan().url.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  if (const std::optional<Places> places = decode_places(text, false)) {
    const std::optional<Places> again = decode_places(encode_places(*places), false);
    require(again->shards == places->shards && again->previews == places->previews);
  }
  const Result<Frame> frame = read_frame(text);
  if (!frame) return 0;
  require(frame->op >= 0 && frame->type.size() <= 64 && frame->seq.value_or(0) >= 0);
  drive(*frame, text);
  const Result<json::value> event = read_data(text);
  if (!event) return 0;
  std::string problem;
  const GroupMode groups = static_cast<GroupMode>(data[0] % 3);
  if (const auto message = decode_message(*event, {"fuzz", "4242", groups}, problem)) check(*message);
  return 0;
}
