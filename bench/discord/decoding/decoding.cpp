#include "decoding.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include "channels/discord/events/messages.h"
#include "channels/discord/gateway/frame.h"
#include "channels/discord/gateway/inflater.h"
#include "events.h"
#include "support/discord/gateway/deflate.h"
#include "support/statistics.h"

namespace usher::bench {

namespace {

// WebSocket messages, and what they hold.
struct Recording {
  std::vector<std::string> messages;
  std::size_t bytes = 0, compressed_bytes = 0, creates = 0;
};

Recording record(std::size_t events) {
  Recording recording;
  testing::DeflateStream stream;
  for (const std::string& frame : sample_frames(events)) {
    recording.bytes += frame.size();
    recording.creates += frame.starts_with(R"({"t":"MESSAGE_CREATE")") ? 1 : 0;
    recording.messages.push_back(stream.compress(frame));
    recording.compressed_bytes += recording.messages.back().size();
  }
  return recording;
}

// What one pass over a recording found.
struct Pass {
  std::size_t bytes = 0, creates = 0, meant = 0;
};

Pass inflate_alone(const Recording& recording) {
  Pass pass;
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) throw std::bad_alloc();
  std::array<unsigned char, 16'384> piece;
  for (const std::string& message : recording.messages) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(message.data()));
    stream.avail_in = static_cast<uInt>(message.size());
    do {
      stream.next_out = piece.data();
      stream.avail_out = piece.size();
      inflate(&stream, Z_SYNC_FLUSH);
      pass.bytes += piece.size() - stream.avail_out;
    } while (stream.avail_out == 0);
  }
  inflateEnd(&stream);
  return pass;
}

std::string inflated(discord::Inflater& inflater, const std::string& message) {
  Result<std::optional<std::string>> text = inflater.append(message);
  if (!text || !*text) throw std::runtime_error("the recording does not inflate");
  return std::move(**text);
}

// As a shard does it for a bot that is told of messages (channels/discord/shards/shard.cpp).
Pass take_in(const Recording& recording) {
  Pass pass;
  discord::Inflater inflater;
  const discord::DecodeContext context{"bench", sample_bot};
  for (const std::string& message : recording.messages) {
    const std::string text = inflated(inflater, message);
    pass.bytes += text.size();
    const Result<discord::Frame> frame = discord::read_frame(text);
    if (!frame) throw std::runtime_error(frame.error().message);
    if (frame->type != "MESSAGE_CREATE") continue;
    ++pass.creates;
    const Result<json::value> data = discord::read_data(text);
    std::string problem;
    if (data && discord::decode_message(*data, context, problem)) ++pass.meant;
  }
  return pass;
}

Pass parse_all(const Recording& recording) {
  Pass pass;
  discord::Inflater inflater;
  for (const std::string& message : recording.messages) {
    const std::string text = inflated(inflater, message);
    pass.bytes += text.size();
    const json::value event = json::parse(text);
    if (string_at(&event, "t") == "MESSAGE_CREATE") ++pass.creates;
  }
  return pass;
}

}  // namespace

DecodingRates measure_decoding(std::size_t events, int rounds) {
  const Recording recording = record(events);
  DecodingRates rates;
  const auto time = [&](Pass (*what)(const Recording&), double& best) {
    const Clock::time_point start = Clock::now();
    const Pass pass = what(recording);
    best = std::max(best, static_cast<double>(events) / microseconds_between(start, Clock::now()) * 1e6);
    rates.is_right = rates.is_right && pass.bytes == recording.bytes;
    return pass;
  };
  for (int i = 0; i < rounds; ++i) {
    time(inflate_alone, rates.inflate_only);
    const Pass taken = time(take_in, rates.usher);
    const Pass parsed = time(parse_all, rates.all_parsed);
    rates.meant = taken.meant;
    rates.is_right = rates.is_right && taken.creates == recording.creates && parsed.creates == recording.creates;
  }
  rates.mean_bytes = static_cast<double>(recording.bytes) / static_cast<double>(events);
  rates.compressed = static_cast<double>(recording.compressed_bytes) / static_cast<double>(recording.bytes);
  return rates;
}

}  // namespace usher::bench
