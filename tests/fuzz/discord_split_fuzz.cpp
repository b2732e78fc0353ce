// links: discord
// Any bytes as a model's Markdown: parts within the limit, each with its fences closed.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/cut.h"
#include "base/text.h"
#include "channels/discord/outbound/text/split.h"

using namespace usher;
using namespace usher::discord;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::size_t limit = 160 + data[0];
  const std::string_view markdown(reinterpret_cast<const char*>(data + 1), size - 1);
  for (const std::string& part : split(markdown, limit)) {
    require(utf16_length(part) <= limit && is_valid_utf8(part) && has_visible(part));
    std::size_t fences = 0;
    for (std::size_t at = part.find("```"); at != std::string::npos; at = part.find("```", at + 3)) ++fences;
    require(fences % 2 == 0);
  }
  return 0;
}
