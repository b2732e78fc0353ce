#include "channels/discord/outbound/text/split.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/cut.h"
#include "base/text.h"
#include "channels/discord/outbound/text/markdown.h"

using namespace usher;
using namespace usher::discord;
using Parts = std::vector<std::string>;

namespace {

std::size_t count_of(std::string_view text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

// What is seen: without white space, and without the zero-width spaces that break fences.
std::string visible(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    if (has_visible(text.substr(at, end - at))) out += text.substr(at, end - at);
    at = end;
  }
  return out;
}

// A part without the fences that stand around its blocks, as Discord finds them: every three backticks.
std::string without_fences(std::string_view part) {
  std::string out;
  bool is_code = false;
  while (true) {
    const std::size_t at = part.find("```");
    out += part.substr(0, at);
    if (at == std::string_view::npos) return out;
    part.remove_prefix(at + 3);
    is_code = !is_code;
    if (is_code) part.remove_prefix(std::min(part.size(), part.find('\n')));
  }
}

rc::Gen<std::string> markdown_text() {
  const auto piece = rc::gen::element<std::string>(
      "word ", "longerword", "👨‍👩‍👧‍👦", "e\u0301", "🇩🇪", "👍🏽", "日本語。", "\n", "\n\n", ". ", "! ",
      "**bold** ", "`code`", "```c\nx <y>;\n    z\n```\n", "\n```", "```", "```x``` ", "~~~\n",
      "````md\n```js\n1\n```\n````\n", "\n````\n", "[link](https://a.b/c?d&e)", "@everyone ", "<@1> ", "- item\n",
      "> quote\n", " \u0301", "\t", "\u00A0", "\u200B", "| a | b |\n|---|---|\n| c | d |\n", "|", "\n|-|-|\n",
      "# Head\n", "\xff", "\\", "\r\n", "``", "`");
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(piece), [](const std::vector<std::string>& pieces) {
    std::string out;
    for (const std::string& p : pieces) out += p;
    return out;
  });
}

}  // namespace

TEST_CASE("what fits is one part, as it stands") {
  CHECK(split("**Hi** `you`, @everyone") == Parts{"**Hi** `you`, @everyone"});
  CHECK(split(std::string(2000, 'x')).size() == 1);
  CHECK(split(std::string(2001, 'x')).size() == 2);
  CHECK(split("").empty());
  CHECK(split(" \n \u200B \u00A0").empty());
  CHECK(split("```\n\n```").empty());
}

TEST_CASE("a part is within the limit however Discord counts") {
  std::string emoji;
  for (int i = 0; i < 1000; ++i) emoji += "😀";
  CHECK(split(emoji).size() == 1);
  CHECK(split(emoji + "😀").size() == 2);
}

TEST_CASE("a cut prefers the end of a paragraph, a line, a sentence, a word") {
  CHECK(split("aaaa. bbb\ncc\n\ndd ee ff gg", 20) == Parts{"aaaa. bbb\ncc", "dd ee ff gg"});
  CHECK(split("aaaa bbbb. c\ndd ee ff gg", 20) == Parts{"aaaa bbbb. c", "dd ee ff gg"});
  CHECK(split("aaaa bbbb cc. dd ee ff gg", 20) == Parts{"aaaa bbbb cc.", "dd ee ff gg"});
  CHECK(split("aaaa bbbb cc dd eee ff gg", 20) == Parts{"aaaa bbbb cc dd eee", "ff gg"});
}

TEST_CASE("a block of code that is cut is closed, and goes on in its language") {
  const Parts parts = split("Look:\n```py\nif a:\n    b()\n    c()\n```\nDone.", 36);
  CHECK(parts == Parts{"Look:\n```py\nif a:\n    b()\n```", "```py\n    c()\n```\nDone."});
}

TEST_CASE("every kind of fence becomes one that Discord knows") {
  CHECK(split("~~~js title=x\n1\n~~~\n") == Parts{"```js\n1\n```"});
  CHECK(split("````md\n```\nx\n```\n````") == Parts{"```md\n``\u200B`\nx\n``\u200B`\n```"});
  CHECK(split("see ```x = 1``` there") == Parts{"see\n```\nx = 1\n```\n there"});
  CHECK(split("Code: ```py\nx\n```\nok") == Parts{"Code:\n```py\nx\n```\nok"});
  CHECK(split("```py\nnever closed") == Parts{"```py\nnever closed\n```"});
  CHECK(split("three ``` of them") == Parts{"three ``\u200B` of them"});
  CHECK(split("```not a language\nx\n```") == Parts{"```not\nx\n```"});
  CHECK(split("```> quote\nx\n```") == Parts{"```\n> quote\nx\n```"});
  CHECK(split("`````") == Parts{});
}

TEST_CASE("a table becomes a block of code") {
  CHECK(split("As follows:\n\n| a | b |\n|---|:-:|\n| c | d |\n\nSo.") ==
        Parts{"As follows:\n```\n| a | b |\n|---|:-:|\n| c | d |\n```\n\nSo."});
  CHECK(split("a | b\nno table") == Parts{"a | b\nno table"});
}

TEST_CASE("one grapheme larger than a message is cut at a code point") {
  std::string zalgo = "a";
  for (int i = 0; i < 5000; ++i) zalgo += "\u0301";
  const Parts parts = split(zalgo);
  REQUIRE(parts.size() == 3);
  CHECK(parts[0] + parts[1] + parts[2] == zalgo);
}

TEST_CASE("whatever the text: limits hold, fences balance in each part, and nothing that is seen is lost") {
  CHECK(rc::check("split", [] {
    const std::string markdown = *markdown_text();
    const std::size_t limit = *rc::gen::inRange<std::size_t>(160, 400);
    const FencedText fenced = from_markdown(markdown);
    RC_ASSERT(fenced.text.find("```") == std::string::npos);
    std::string shown;
    for (const std::string& part : split(markdown, limit)) {
      RC_ASSERT(utf16_length(part) <= limit);
      RC_ASSERT(is_valid_utf8(part));
      RC_ASSERT(count_of(part, "```") % 2 == 0);
      RC_ASSERT(has_visible(part));
      shown += without_fences(part);
    }
    RC_ASSERT(visible(shown) == visible(fenced.text));
  }));
}
