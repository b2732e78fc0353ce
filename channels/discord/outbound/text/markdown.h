// The model's Markdown → what Discord's clients show as meant: text, and the ranges of it that are blocks of code.
// Discord reads most Markdown itself; it has no tables, and any three backticks begin or end a block of code, wherever
// they stand. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace usher::discord {

struct CodeBlock {
  std::size_t begin = 0, end = 0;  // bytes of FencedText::text, begin < end
  std::string language;            // "" or what Discord takes for one, at most 20 characters
};

// `text` holds no three backticks in a row; the fences around each block are left to who renders it. Blocks stand in
// order and do not touch.
struct FencedText {
  std::string text;
  std::vector<CodeBlock> blocks;
};

// Fences of any length, of tildes or within a line become blocks, as do tables. Other runs of three backticks are
// broken by zero-width spaces. Invalid UTF-8 is repaired, carriage returns are dropped.
FencedText from_markdown(std::string_view markdown);

}  // namespace usher::discord
