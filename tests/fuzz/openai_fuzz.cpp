// links: provider
// Bytes as a model's answer: no crash, the same result however they are split, valid UTF-8 out. Then the same bytes as
// an error body, a Retry-After value and a text to send.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "provider/openai_codec.h"

namespace {

using usher::provider::ChatDecoder;
using usher::provider::Completion;
using usher::provider::ToolCall;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string decoded(std::string_view body, std::size_t piece_bytes) {
  std::string streamed;
  const usher::provider::TextSink sink = [&](std::string_view piece) {
    require(usher::is_valid_utf8(piece));
    streamed += piece;
  };
  ChatDecoder decoder(sink);
  while (!body.empty() && !decoder.has_failed()) {
    const std::string_view piece = body.substr(0, piece_bytes);
    body.remove_prefix(piece.size());
    decoder.feed(piece);
  }
  const usher::Result<Completion> completion = decoder.finish();
  if (!completion) {
    require(completion.error().kind == usher::ErrorKind::protocol && completion.error().message.size() < 400);
    return "error";
  }
  require(usher::is_valid_utf8(completion->text));
  std::string all = completion->text;
  for (const ToolCall& call : completion->tool_calls) {
    require(!call.id.empty() && !call.name.empty() && usher::is_valid_utf8(call.arguments));
    all.append("\x1f").append(call.id).append("\x1f").append(call.name).append("\x1f").append(call.arguments);
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = decoded(bytes, bytes.size() + 1);
  require(whole == decoded(bytes, 1 + data[0] % 32));
  const auto now = std::chrono::system_clock::time_point(std::chrono::hours(24 * 365 * 50));
  const usher::Error refusal = usher::provider::refusal_of(400 + data[0], bytes, bytes, now);
  require(refusal.message.size() < 400 && usher::is_valid_utf8(refusal.message));
  std::string out;
  usher::provider::append_json_string(out, bytes);
  boost::system::error_code error;
  usher::json::parse(out, error);
  require(!error);
  return 0;
}
