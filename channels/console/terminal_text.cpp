#include "channels/console/terminal_text.h"

#include "base/text.h"

namespace usher::console {
namespace {

constexpr std::string_view kReplacement = "\uFFFD";

std::size_t sequence_length(unsigned char first) {
  if (first >= 0xF0) return 4;
  if (first >= 0xE0) return 3;
  return first >= 0xC0 ? 2 : 1;
}

}  // namespace

std::string for_terminal(std::string_view text) {
  const std::string valid = repair_utf8(text);
  std::string out;
  out.reserve(valid.size());
  for (std::size_t at = 0; at < valid.size();) {
    const unsigned char first = static_cast<unsigned char>(valid[at]);
    const std::size_t size = sequence_length(first);
    const bool is_c0 = (first < 0x20 && first != '\n' && first != '\t') || first == 0x7F;
    const bool is_c1 = first == 0xC2 && at + 1 < valid.size() && static_cast<unsigned char>(valid[at + 1]) < 0xA0;
    if (is_c0 || is_c1)
      out += kReplacement;
    else
      out.append(valid, at, size);
    at += size;
  }
  return out;
}

std::size_t complete_prefix(std::string_view text) {
  // At most three bytes of a sequence can be there without its end.
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const unsigned char byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    return sequence_length(byte) > back ? text.size() - back : text.size();
  }
  return text.size();
}

}  // namespace usher::console
