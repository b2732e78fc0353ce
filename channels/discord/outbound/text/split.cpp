#include "channels/discord/outbound/text/split.h"

#include <algorithm>

#include "base/cut.h"
#include "base/text.h"
#include "channels/discord/outbound/text/markdown.h"

namespace usher::discord {
namespace {

constexpr std::size_t kLeastUnits = 8;  // of text in a part: what fences leave at least

// White space that a message begins with is dropped, except for the indentation of code.
std::size_t start_of_part(const FencedText& fenced, std::size_t at) {
  const std::size_t solid = skip_blanks(fenced.text, at);
  for (const CodeBlock& block : fenced.blocks) {
    if (block.end <= at || block.begin > solid) continue;
    const std::size_t line = solid == 0 ? std::string::npos : fenced.text.rfind('\n', solid - 1);
    return std::max({at, block.begin, line == std::string::npos ? 0 : line + 1});
  }
  return solid;
}

// Bytes [begin, end) with a fence around each block's part of them.
std::string render(const FencedText& fenced, std::size_t begin, std::size_t end) {
  const std::string_view text = fenced.text;
  std::string out;
  std::size_t at = begin;
  for (const CodeBlock& block : fenced.blocks) {
    if (block.end <= begin || block.begin >= end) continue;
    const std::size_t from = std::max(begin, block.begin), to = std::min(end, block.end);
    out.append(text.substr(at, from - at));
    out.resize(without_trailing_blanks(out, 0, out.size()));
    if (!out.empty()) out += '\n';
    out.append("```").append(block.language).append("\n").append(text.substr(from, to - from)).append("\n```");
    at = to;
  }
  out.append(text.substr(at, end - at));
  return out;
}

}  // namespace

std::vector<std::string> split(std::string_view markdown, std::size_t max_units) {
  const FencedText fenced = from_markdown(markdown);
  const std::string_view text = fenced.text;
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = start_of_part(fenced, at);
    if (begin >= text.size()) break;
    std::size_t units = max_units, end = 0;
    std::string part;
    while (true) {  // fences take room too
      end = end_of_piece(text, begin, units);
      part = render(fenced, begin, without_trailing_blanks(text, begin, end));
      const std::size_t used = utf16_length(part);
      if (used <= max_units || units <= kLeastUnits) break;
      const std::size_t over = used - max_units, taken = std::min(units, utf16_length(text.substr(begin, end - begin)));
      units = taken > over + kLeastUnits ? taken - over : kLeastUnits;
    }
    if (has_visible(text.substr(begin, end - begin))) parts.push_back(std::move(part));
    at = end;
  }
  return parts;
}

}  // namespace usher::discord
