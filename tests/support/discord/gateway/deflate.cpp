#include "support/discord/gateway/deflate.h"

#include <zlib.h>

#include <stdexcept>

namespace usher::testing {

struct DeflateStream::State {
  z_stream stream{};
};

DeflateStream::DeflateStream() : state_(std::make_unique<State>()) {
  if (deflateInit(&state_->stream, Z_DEFAULT_COMPRESSION) != Z_OK) throw std::runtime_error("deflateInit failed");
}

DeflateStream::~DeflateStream() { deflateEnd(&state_->stream); }

std::string DeflateStream::compress(std::string_view frame) {
  std::string input(frame), out;  // zlib does not take const input
  z_stream& stream = state_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  char piece[16'384];
  do {
    stream.next_out = reinterpret_cast<Bytef*>(piece);
    stream.avail_out = sizeof piece;
    deflate(&stream, Z_SYNC_FLUSH);
    out.append(piece, sizeof piece - stream.avail_out);
  } while (stream.avail_out == 0);
  return out;
}

}  // namespace usher::testing
