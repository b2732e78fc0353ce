// links: telegram
// Any bytes as a model's Markdown: every chunk is within the limits, well-formed, and shows its plain text.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/cut.h"
#include "base/text.h"
#include "channels/telegram/markdown/markdown.h"
#include "channels/telegram/split.h"

using namespace usher;
using namespace usher::telegram;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// The text of well-formed HTML whose tags nest; aborts on anything else.
std::string text_of(std::string_view html) {
  std::string out;
  std::vector<std::string_view> open;
  while (!html.empty()) {
    if (html.front() == '<') {
      const std::size_t end = html.find('>');
      require(end != std::string_view::npos);
      const std::string_view tag = html.substr(1, end - 1);
      html.remove_prefix(end + 1);
      if (!tag.starts_with('/')) {
        open.push_back(tag.substr(0, tag.find(' ')));
        continue;
      }
      require(!open.empty() && open.back() == tag.substr(1));
      open.pop_back();
    } else if (html.front() == '&') {
      const std::size_t end = html.find(';');
      require(end != std::string_view::npos);
      const std::string_view name = html.substr(0, end + 1);
      require(name == "&lt;" || name == "&gt;" || name == "&amp;");
      out += name == "&lt;" ? '<' : name == "&gt;" ? '>' : '&';
      html.remove_prefix(end + 1);
    } else {
      out += html.front();
      html.remove_prefix(1);
    }
  }
  require(open.empty());
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const SplitLimits limits{16 + data[0] % 200u, 4096 + 64u * data[1]};
  const std::string_view markdown(reinterpret_cast<const char*>(data + 2), size - 2);
  const StyledText styled = from_markdown(markdown);
  require(is_valid_utf8(styled.text));
  for (const Span& span : styled.spans) require(span.begin < span.end && span.end <= styled.text.size());
  for (const Chunk& chunk : split(styled, limits)) {
    require(utf16_length(chunk.plain) <= limits.units);
    require(chunk.html.size() <= std::max<std::size_t>(limits.bytes, 16'384));  // one letter may carry a long address
    require(text_of(chunk.html) == chunk.plain);
    require(has_visible(chunk.plain) && is_valid_utf8(chunk.plain));
  }
  return 0;
}
