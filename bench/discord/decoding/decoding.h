// How fast the gateway's events are taken in, beside what zlib and a JSON parser need for the same bytes.
#pragma once

#include <cstddef>

namespace usher::bench {

struct DecodingRates {
  double inflate_only = 0;  // events/s: zlib alone, the limit
  double usher = 0;         // inflated, the envelope of each read, messages decoded
  double all_parsed = 0;    // inflated, every event parsed whole by the same JSON parser
  double mean_bytes = 0;    // of an event, inflated
  double compressed = 0;    // bytes on the wire / inflated
  std::size_t meant = 0;    // messages that were for the bot
  bool is_right = true;     // everybody saw the same bytes, and usher every message
};

// Over a zlib-stream recorded from sample_frames(events); the best of `rounds` for each, taken in turn.
DecodingRates measure_decoding(std::size_t events, int rounds);

}  // namespace usher::bench
