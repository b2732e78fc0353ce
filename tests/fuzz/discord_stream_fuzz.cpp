// links: discord
// Any bytes as a zlib stream, cut anywhere: the same messages as in one piece, none beyond the bound.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "channels/discord/gateway/inflater.h"

using namespace usher;
using namespace usher::discord;

namespace {

constexpr std::size_t kBound = 64u << 10;

// Everything that comes out, until an error.
std::string read_all(std::string_view bytes, std::size_t step) {
  Inflater inflater(kBound);
  std::string all;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    const Result<std::optional<std::string>> message = inflater.append(bytes.substr(at, step));
    if (!message) return all;
    if (*message && (*message)->size() > kBound) std::abort();
    if (*message) all += **message;
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  // Byte by byte every message comes as soon as it is whole; in longer steps some may be told together.
  const std::string finest = read_all(bytes, 1);
  const std::string whole = read_all(bytes, size + 1);
  if (!finest.starts_with(whole)) std::abort();
  return 0;
}
