// Cutting texts into what search finds: passages of a Markdown or plain text file, words of a product. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace usher::memory {

struct Passage {
  std::string title;  // the heading it stands under, else the file's name without its ending
  std::string text;   // at most max_passage_bytes
};

inline constexpr std::size_t max_passage_bytes = 2048;

// Cut at headings (Markdown only), then at blank lines where a section is too long, then anywhere between words.
std::vector<Passage> passages_of(std::string_view file_name, std::string_view text);

struct Product {
  std::string id, name;
  std::string words;  // every string, number and true boolean in it, with the members' names of the booleans
};

// One line of a catalog.jsonl: an object with "id" and "name" (or "title"), each a string or a number.
Result<Product> product_of(std::string_view line);

}  // namespace usher::memory
