#include "channels/telegram/split.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <utf8proc.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/cut.h"
#include "base/text.h"
#include "channels/telegram/markdown/markdown.h"
#include "support/telegram_html.h"

using namespace usher;
using namespace usher::telegram;

namespace {

StyledText plain(std::string text) { return {std::move(text), {}}; }

std::vector<std::string> texts_of(const std::vector<Chunk>& chunks) {
  std::vector<std::string> out;
  for (const Chunk& chunk : chunks) out.push_back(chunk.plain);
  return out;
}

std::string without_space(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c != ' ' && c != '\n' && c != '\t') out += c;
  }
  return out;
}

std::set<std::size_t> grapheme_borders(std::string_view text) {
  std::set<std::size_t> borders{0, text.size()};
  utf8proc_int32_t previous = 0, state = 0;
  for (std::size_t at = 0; at < text.size();) {
    utf8proc_int32_t point = 0;
    const utf8proc_ssize_t size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at),
                                                   static_cast<utf8proc_ssize_t>(text.size() - at), &point);
    if (size <= 0) break;
    if (at > 0 && utf8proc_grapheme_break_stateful(previous, point, &state)) borders.insert(at);
    previous = point;
    at += static_cast<std::size_t>(size);
  }
  return borders;
}

// Pieces of every kind that can go wrong at a cut.
rc::Gen<std::string> markdown_text() {
  const auto piece = rc::gen::element<std::string>(
      "word ", "longerword", "👨‍👩‍👧‍👦", "é", "e\u0301", "🇩🇪", "👍🏽", "日本語。", "\n", "\n\n", ". ",
      "! ", "**bold ", "**", "*", "`code`", "```c\nx <y>;\n```\n", "[link](https://a.b/c?d&e)", "&", "<", ">", "&lt;",
      "- item\n", "> quote\n", "~~s~~", " \u0301", "\t", "\u00A0", "\u200B", "| a | b |\n|---|---|\n| c | d |\n",
      "1. one\n", "# Head\n", "\xff", "\\", "_u_");
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(piece), [](const std::vector<std::string>& pieces) {
    std::string out;
    for (const std::string& p : pieces) out += p;
    return out;
  });
}

}  // namespace

TEST_CASE("what fits is one chunk") {
  const std::string text(4096, 'x');
  CHECK(split(plain(text)).size() == 1);
  CHECK(split(plain(text + "x")).size() == 2);
  CHECK(split(plain("")).empty());
  CHECK(split(plain(" \n \u200B \u00A0")).empty());
}

TEST_CASE("units are UTF-16, not bytes or code points") {
  std::string emoji;
  for (int i = 0; i < 2048; ++i) emoji += "😀";
  CHECK(split(plain(emoji)).size() == 1);
  CHECK(split(plain(emoji + "😀")).size() == 2);
  std::string kanji;
  for (int i = 0; i < 4096; ++i) kanji += "語";
  CHECK(split(plain(kanji)).size() == 1);
}

TEST_CASE("a cut prefers paragraph, then line, then sentence, then word") {
  const SplitLimits limits{20, 32'768};
  using Texts = std::vector<std::string>;
  CHECK(texts_of(split(plain("aaaa. bbb\ncc\n\ndd ee ff gg"), limits)) == Texts{"aaaa. bbb\ncc", "dd ee ff gg"});
  CHECK(texts_of(split(plain("aaaa bbbb. c\ndd ee ff gg"), limits)) == Texts{"aaaa bbbb. c", "dd ee ff gg"});
  CHECK(texts_of(split(plain("aaaa bbbb cc. dd ee ff gg"), limits)) == Texts{"aaaa bbbb cc.", "dd ee ff gg"});
  CHECK(texts_of(split(plain("aaaa bbbb cc dd eee ff gg"), limits)) == Texts{"aaaa bbbb cc dd eee", "ff gg"});
  CHECK(texts_of(split(plain("a bbbbbbbbbbbbbbbbbbbbbbb"), limits)) == Texts{"a", "bbbbbbbbbbbbbbbbbbbb", "bbb"});
}

TEST_CASE("tags are closed at a cut and opened again") {
  StyledText styled = from_markdown("**aaaa bbbb [cccc dddd](https://x.y)** eeee");
  const std::vector<Chunk> chunks = split(styled, {15, 32'768});
  REQUIRE(chunks.size() == 2);
  CHECK(chunks[0].html == "<b>aaaa bbbb <a href=\"https://x.y\">cccc</a></b>");
  CHECK(chunks[1].html == "<b><a href=\"https://x.y\">dddd</a></b> eeee");
}

TEST_CASE("code keeps its indentation and language across a cut") {
  const std::vector<Chunk> chunks = split(from_markdown("```py\nif a:\n    b()\n    c()\n```"), {12, 32'768});
  REQUIRE(chunks.size() == 3);
  CHECK(chunks[0].html == "<pre><code class=\"language-py\">if a:</code></pre>");
  CHECK(chunks[1].html == "<pre><code class=\"language-py\">    b()</code></pre>");
}

TEST_CASE("the bytes of markup are bounded too") {
  std::string markdown;
  for (int i = 0; i < 400; ++i) markdown += "[a](https://x.y/" + std::string(500, 'z') + ") ";
  const std::vector<Chunk> chunks = split(from_markdown(markdown));
  CHECK(chunks.size() > 1);
  for (const Chunk& chunk : chunks) CHECK(chunk.html.size() <= 32'768);
}

TEST_CASE("one grapheme larger than a message is cut at a code point") {
  std::string zalgo = "a";
  for (int i = 0; i < 9000; ++i) zalgo += "\u0301";
  const std::vector<Chunk> chunks = split(plain(zalgo));
  REQUIRE(chunks.size() >= 3);
  std::string all;
  for (const Chunk& chunk : chunks) {
    CHECK(utf16_length(chunk.plain) <= 4096);
    all += chunk.plain;
  }
  CHECK(all == zalgo);
}

TEST_CASE("whatever the text: limits hold, tags balance, no visible character is lost, no grapheme or word is cut") {
  const bool holds = rc::check("split", [] {
    const std::string markdown = *markdown_text();
    const SplitLimits limits{*rc::gen::inRange<std::size_t>(24, 120), *rc::gen::inRange<std::size_t>(400, 2000)};
    const StyledText styled = from_markdown(markdown);
    const std::vector<Chunk> chunks = split(styled, limits);
    const std::set<std::size_t> borders = grapheme_borders(styled.text);
    std::string shown;
    std::size_t from = 0;
    for (const Chunk& chunk : chunks) {
      const auto parsed = usher::testing::parse_telegram_html(chunk.html);
      RC_ASSERT(parsed.has_value());
      RC_ASSERT(parsed->text == chunk.plain);
      RC_ASSERT(utf16_length(chunk.plain) <= limits.units);
      RC_ASSERT(chunk.html.size() <= limits.bytes);
      RC_ASSERT(has_visible(chunk.plain));
      const std::size_t at = styled.text.find(chunk.plain, from);
      RC_ASSERT(at != std::string::npos);
      RC_ASSERT(borders.contains(at));
      from = at + chunk.plain.size();
      RC_ASSERT(borders.contains(from));
      // Words are cut only where no white space stood before, or where the bytes of markup forced a smaller window.
      const bool is_at_space =
          from == styled.text.size() || std::string_view(" \n\t").find(styled.text[from]) != std::string_view::npos;
      const bool is_behind_stop = chunk.plain.ends_with("。");
      const std::size_t first_word = chunk.plain.find_first_not_of(" \n\t");
      const bool has_choice =
          chunk.plain.find_first_of(" \n\t", first_word) != std::string::npos && chunk.html.size() * 2 < limits.bytes;
      RC_ASSERT(is_at_space || is_behind_stop || !has_choice);
      shown += chunk.plain;
    }
    std::string expected = without_space(styled.text), got = without_space(shown);
    if (!has_visible(expected)) expected.clear();
    // Invisible characters may vanish with a chunk of their own; visible ones never.
    const auto visible = [](std::string_view text) {
      std::string out;
      for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at + 1;
        while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
        if (has_visible(text.substr(at, end - at))) out += text.substr(at, end - at);
        at = end;
      }
      return out;
    };
    RC_ASSERT(visible(got) == visible(expected));
  });
  CHECK(holds);
}

TEST_CASE("the short cut and md4c agree on every plain sentence") {
  CHECK(rc::check("fast = slow", [] {
    const std::string text = *rc::gen::container<std::string>(rc::gen::inRange<char>(0x20, 0x7F));
    const StyledText fast = from_markdown(text), slow = from_markdown_slowly(text);
    RC_ASSERT(fast.text == slow.text);
    RC_ASSERT(to_html(fast, 0, fast.text.size()) == to_html(slow, 0, slow.text.size()));
  }));
}
