// Telegram's HTML as its server reads it: the tags it knows, its four named entities, its words for what it refuses.
// Independent of usher's own renderer, which is checked against it.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace usher::testing {

struct ParsedText {
  std::string text;
  json::array entities;  // {type, offset, length[, url, language]}, offsets in UTF-16 units
};

// The error's message is what follows "Bad Request: can't parse entities: ".
Result<ParsedText> parse_telegram_html(std::string_view html);

// Code units, for any bytes that are valid UTF-8.
std::size_t utf16_units(std::string_view text);

// The mentions and commands that the server finds in a person's text.
json::array find_entities(std::string_view text);

}  // namespace usher::testing
