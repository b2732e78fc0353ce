#include "channels/discord/gateway/inflater.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <utility>

namespace usher::discord {
namespace {

constexpr std::string_view kFlush("\x00\x00\xFF\xFF", 4);
constexpr std::size_t kPiece = 16u << 10;

}  // namespace

struct Inflater::State {
  explicit State(std::size_t max_bytes) : max(max_bytes) {
    if (inflateInit(&stream) != Z_OK) throw std::bad_alloc();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { inflateEnd(&stream); }

  Result<void> inflate_all(std::string_view bytes);

  std::size_t max;
  z_stream stream{};
  std::string message;  // what has come of it
  std::string tail;     // the last four bytes taken
};

Inflater::Inflater(std::size_t max_message_bytes) : state_(std::make_unique<State>(max_message_bytes)) {}
Inflater::~Inflater() = default;
Inflater::Inflater(Inflater&&) noexcept = default;
Inflater& Inflater::operator=(Inflater&&) noexcept = default;

Result<void> Inflater::State::inflate_all(std::string_view bytes) {
  // zlib reads only; its interface knows no const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::array<char, kPiece> piece;
  do {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    const int outcome = inflate(&stream, Z_SYNC_FLUSH);
    if (outcome != Z_OK && outcome != Z_BUF_ERROR)
      return fail(ErrorKind::protocol, "what Discord sent is no zlib stream");
    const std::size_t written = piece.size() - stream.avail_out;
    if (written > max - message.size())
      return fail(ErrorKind::limit, "Discord sent an event of more than " + std::to_string(max) + " bytes");
    message.append(piece.data(), written);
  } while (stream.avail_out == 0);
  return {};
}

Result<std::optional<std::string>> Inflater::append(std::string_view bytes) {
  State& state = *state_;
  if (bytes.size() > std::numeric_limits<uInt>::max()) return fail(ErrorKind::limit, "too much at once");
  const Result<void> inflated = state.inflate_all(bytes);
  if (!inflated) return fail(inflated.error());
  state.tail.append(bytes.substr(bytes.size() - std::min(bytes.size(), kFlush.size())));
  if (state.tail.size() > kFlush.size()) state.tail.erase(0, state.tail.size() - kFlush.size());
  if (state.tail != kFlush) return std::nullopt;
  state.tail.clear();
  return std::exchange(state.message, {});
}

}  // namespace usher::discord
