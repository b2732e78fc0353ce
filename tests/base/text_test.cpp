#include "base/text.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <utf8proc.h>

#include <algorithm>
#include <string>
#include <vector>

namespace usher {
namespace {

// Characters that grapheme rules, UTF-16 and terminals treat each in their own way.
const std::vector<std::string> characters{"a",          "Z",      "7",      " ",      "\r",
                                          "\n",         "\t",     "é",      "ß",      "e\u0301",
                                          "\u0301",     "語",     "한",     "\u1112", "\u1161",
                                          "\u11ab",     "ก",      "\u0e33", "क",      "\u094d",
                                          "\u093f",     "😀",     "👩",     "\u200d", "👩\u200d👩\u200d👧",
                                          "\U0001F3FD", "\uFE0F", "🇩",      "🇪",      "\u200f",
                                          "\u0600"};

auto any_text() {
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(characters)),
                      [](const std::vector<std::string>& parts) {
                        std::string text;
                        for (const std::string& part : parts) text += part;
                        return text;
                      });
}

auto any_bytes() {
  return rc::gen::container<std::string>(rc::gen::elementOf(
      std::string("a\x7F\x80\xBF\xC0\xC2\xC3\xA9\xE0\xA0\xE2\x82\xAC\xED\x9F\xEF\xF0\x90\x9F\x98\xF4\x8F\xF5\xFF")));
}

struct Border {
  std::size_t at;  // bytes
  bool is_grapheme;
};

// Where code points end, and whether a grapheme ends there: by utf8proc alone, over the whole text.
std::vector<Border> borders_of(const std::string& text) {
  std::vector<Border> borders;
  utf8proc_int32_t previous = -1, state = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    utf8proc_int32_t c = 0;
    utf8proc_ssize_t length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at, -1, &c);
    if (previous >= 0) borders.push_back({at, utf8proc_grapheme_break_stateful(previous, c, &state)});
    previous = c;
    at += static_cast<std::size_t>(length);
  }
  borders.push_back({text.size(), true});
  return borders;
}

bool is_valid_by_utf8proc(const std::string& text) {
  std::size_t at = 0;
  while (at < text.size()) {
    utf8proc_int32_t c = 0;
    utf8proc_ssize_t length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                                               static_cast<utf8proc_ssize_t>(text.size() - at), &c);
    if (length <= 0) return false;
    at += static_cast<std::size_t>(length);
  }
  return true;
}

TEST_CASE("valid UTF-8 is what utf8proc calls valid") {
  CHECK(rc::check("equal verdicts", [] {
    std::string bytes = *any_bytes();
    RC_ASSERT(is_valid_utf8(bytes) == is_valid_by_utf8proc(bytes));
  }));
  CHECK(is_valid_utf8("plain ASCII, more than eight bytes of it"));
  CHECK(is_valid_utf8("\xF4\x8F\xBF\xBF"));
  CHECK(is_valid_utf8(std::string_view("\0", 1)));
  for (std::string_view bytes :
       {"\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xFF", "\x80", "12345678\xE2\x82", "\xE2\x82z"}) {
    CHECK_FALSE(is_valid_utf8(bytes));
  }
}

TEST_CASE("repaired text is valid, and valid text is not changed") {
  CHECK(rc::check("repair", [] {
    std::string repaired = repair_utf8(*any_bytes());
    RC_ASSERT(is_valid_utf8(repaired));
    RC_ASSERT(repair_utf8(repaired) == repaired);
    std::string valid = *any_text();
    RC_ASSERT(repair_utf8(valid) == valid);
  }));
  CHECK(repair_utf8("a\xFFz") == "a\uFFFDz");
  CHECK(repair_utf8("\xE2\x82") == "\uFFFD");
  CHECK(repair_utf8("\xF0\x9F\x98(") == "\uFFFD(");
  CHECK(repair_utf8("\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD");
}

TEST_CASE("UTF-16 units are counted as the platforms count them") {
  CHECK(utf16_length("") == 0);
  CHECK(utf16_length("abc") == 3);
  CHECK(utf16_length("é語") == 2);
  CHECK(utf16_length("😀") == 2);
  CHECK(utf16_length("👩\u200d👩\u200d👧") == 8);
  CHECK(utf16_length("\xF4\x8F\xBF\xBF") == 2);
}

TEST_CASE("a prefix within UTF-16 units cuts no grapheme and could not be longer") {
  CHECK(rc::check("prefix", [] {
    std::string text = *any_text();
    std::size_t units = *rc::gen::inRange<std::size_t>(0, utf16_length(text) + 3);
    std::size_t length = prefix_within_utf16(text, units);
    RC_ASSERT(length <= text.size());
    RC_ASSERT(utf16_length(text.substr(0, length)) <= units);
    std::size_t longest_grapheme = 0, longest_character = 0;
    for (const Border& border : borders_of(text)) {
      if (utf16_length(text.substr(0, border.at)) > units) continue;
      longest_character = border.at;
      if (border.is_grapheme) longest_grapheme = border.at;
    }
    RC_ASSERT(length == (longest_grapheme > 0 ? longest_grapheme : longest_character));
  }));
}

TEST_CASE("long ASCII is cut right at the border, CR LF stays together") {
  std::string text(10'000, 'x');
  CHECK(prefix_within_utf16(text, 4'096) == 4'096);
  CHECK(prefix_within_utf16(text, 10'000) == 10'000);
  CHECK(prefix_within_utf16(text, 0) == 0);
  CHECK(prefix_within_utf16("ab\r\ncd", 3) == 2);
  CHECK(prefix_within_utf16("ab\r\ncd", 4) == 4);
  CHECK(prefix_within_utf16("abe\u0301z", 3) == 2);
}

TEST_CASE("a giant grapheme is cut at a code point rather than not at all") {
  std::string zalgo = "e";
  for (int i = 0; i < 5'000; ++i) zalgo += "\u0301";
  CHECK(prefix_within_utf16(zalgo, 4'096) == 1 + 2 * 4'095);
  CHECK(prefix_within_utf16("😀😀", 1) == 0);
}

TEST_CASE("a cut always ends, also in bytes that are no text") {
  CHECK(rc::check("bounded", [] {
    std::string bytes = *any_bytes();
    std::size_t bound = *rc::gen::inRange<std::size_t>(0, bytes.size() + 2);
    RC_ASSERT(prefix_within_utf16(bytes, bound) <= bytes.size());
    RC_ASSERT(prefix_within_bytes(bytes, bound).size() <= bound);
  }));
}

TEST_CASE("a prefix within bytes ends at a code point and could not be longer") {
  CHECK(rc::check("prefix", [] {
    std::string text = *any_text();
    std::size_t bound = *rc::gen::inRange<std::size_t>(0, text.size() + 2);
    std::string_view prefix = prefix_within_bytes(text, bound);
    RC_ASSERT(is_valid_utf8(prefix));
    RC_ASSERT(prefix.size() + 4 > std::min(bound, text.size()));
    RC_ASSERT(text.starts_with(prefix));
  }));
}

TEST_CASE("folding makes spellings of one word equal") {
  CHECK(fold_case("Hello WORLD") == "hello world");
  CHECK(fold_case("STRASSE") == fold_case("Straße"));
  CHECK(fold_case("ΣΊΣΥΦΟΣ") == fold_case("Σίσυφος"));
  CHECK(fold_case("e\u0301") == fold_case("É"));
  CHECK(fold_case("ﬁne") == "fine");
  CHECK(fold_case("lim\u200bit") == "limit");
  CHECK(fold_case("a\xFF") == "a\uFFFD");
  CHECK(rc::check("idempotent", [] {
    std::string folded = fold_case(*any_text());
    RC_ASSERT(is_valid_utf8(folded));
    RC_ASSERT(fold_case(folded) == folded);
  }));
}

TEST_CASE("words are runs of letters and digits with their marks") {
  using Words = std::vector<std::string>;
  CHECK(words_of("") == Words{});
  CHECK(words_of(" -- !") == Words{});
  CHECK(words_of("USB-C cable, 2m (Größe: XL)") == Words{"usb", "c", "cable", "2m", "grösse", "xl"});
  CHECK(words_of("हिन्दी भाषा") == Words{"हिन्दी", "भाषा"});
  CHECK(words_of("語😀한글") == Words{"語", "한글"});
}

TEST_CASE("trimming takes white space from both ends only") {
  CHECK(trim("  a b\r\n\t") == "a b");
  CHECK(trim("") == "");
  CHECK(trim(" \n ") == "");
}

TEST_CASE("distances count insertions, deletions, substitutions and swaps") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("teh", "the") == 1);
  CHECK(edit_distance("ca", "abc") == 3);  // no edits inside a swapped pair
  CHECK(rc::check("a metric's first laws", [] {
    auto word = rc::gen::container<std::string>(rc::gen::elementOf(std::string("abc")));
    std::string a = *word, b = *word;
    RC_ASSERT(edit_distance(a, b) == edit_distance(b, a));
    RC_ASSERT((edit_distance(a, b) == 0) == (a == b));
    RC_ASSERT(edit_distance(a, b) <= std::max(a.size(), b.size()));
  }));
}

TEST_CASE("a typo finds its word, a different word finds none") {
  const std::vector<std::string> keys{"allowed_tools", "denied_tools", "workspace", "role", "rag_access", "id"};
  CHECK(nearest("alowed_tools", keys) == "allowed_tools");
  CHECK(nearest("allowed_tool", keys) == "allowed_tools");
  CHECK(nearest("wrokspace", keys) == "workspace");
  CHECK(nearest("ROLE", keys) == "role");
  CHECK(nearest("roles", keys) == "role");
  CHECK(nearest("banana", keys) == "");
  CHECK(nearest("x", keys) == "");
  CHECK(nearest("zz", keys) == "");
  CHECK(nearest("", keys) == "");
  CHECK(nearest(std::string(100'000, 'a'), keys) == "");
  CHECK(nearest("role", {}) == "");
}

TEST_CASE("printable text keeps letters and shows what would disturb a log") {
  CHECK(printable("plain text, größe 😀") == "plain text, größe 😀");
  CHECK(printable("a\nb\t\x1B[31m") == "a\\x0ab\\x09\\x1b[31m");
  CHECK(printable("\xFF\xC3") == "\\xff\\xc3");
  CHECK(printable("\u0085") == "\\xc2\\x85");
  CHECK(printable("\u202Egnp.exe") == "\\xe2\\x80\\xaegnp.exe");
  CHECK(printable("\u2028") == "\\xe2\\x80\\xa8");
  CHECK(printable("abcdef", 6) == "abcdef");
  CHECK(printable("abcdefg", 6) == "abc…");
  CHECK(printable("ééé", 5) == "é…");
  CHECK(printable("abcdefg", 2) == "");
  CHECK(rc::check("bounded and valid", [] {
    std::size_t bound = *rc::gen::inRange<std::size_t>(0, 40);
    std::string shown = printable(*any_bytes(), bound);
    RC_ASSERT(shown.size() <= bound);
    RC_ASSERT(is_valid_utf8(shown));
    RC_ASSERT(std::ranges::none_of(shown, [](unsigned char c) { return c < 0x20 || c == 0x7F; }));
  }));
}

}  // namespace
}  // namespace usher
