#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "channels/telegram/markdown/markdown.h"
#include "channels/telegram/split.h"
#include "support/telegram_html.h"

using namespace usher;
using namespace usher::telegram;

namespace {

std::string html(std::string_view markdown) {
  const StyledText styled = from_markdown(markdown);
  return to_html(styled, 0, styled.text.size());
}

struct Golden {
  const char* name;
  const char* markdown;
  const char* html;
};

const Golden kGolden[] = {
    {"plain", "hello there", "hello there"},
    {"escapes", "1 < 2 & \"3\" > 2", "1 &lt; 2 &amp; \"3\" &gt; 2"},
    {"emphasis", "**bold** *it* ~~gone~~ `a<b`", "<b>bold</b> <i>it</i> <s>gone</s> <code>a&lt;b</code>"},
    {"nested", "***both*** **a *b* c**", "<i><b>both</b></i> <b>a <i>b</i> c</b>"},
    {"strong in strong", "**a __b__ c**", "<b>a b c</b>"},
    {"heading", "# Title *x*\ntext", "<b>Title <i>x</i></b>\n\ntext"},
    {"paragraphs", "one\ntwo\n\nthree", "one\ntwo\n\nthree"},
    {"bullets", "intro\n- a\n- b\n  - c\n- d\n\nend", "intro\n\n• a\n• b\n  • c\n• d\n\nend"},
    {"loose bullets", "- a\n\n- b\n\n  more", "• a\n• b\n  more"},
    {"numbers", "3. a\n4. b", "3. a\n4. b"},
    {"tasks", "- [x] done\n- [ ] open", "☑ done\n☐ open"},
    {"fence", "```c++\nif (a < b) {\n  x();\n}\n```\nend",
     "<pre><code class=\"language-c++\">if (a &lt; b) {\n  x();\n}</code></pre>\n\nend"},
    {"fence without language", "```\n**x**\n```", "<pre>**x**</pre>"},
    {"fence with a hostile language", "```a\"><b>\nx\n```", "<pre><code class=\"language-a\">x</code></pre>"},
    {"fence in a list", "- a\n  ```\n  code\n  ```\n- b", "• a\n<pre>code</pre>\n• b"},
    {"link", "[site](https://a.b/?x=1&y=\"2\")", "<a href=\"https://a.b/?x=1&amp;y=&quot;2&quot;\">site</a>"},
    {"autolink", "<https://a.b>", "<a href=\"https://a.b\">https://a.b</a>"},
    {"mail", "<x@y.z>", "<a href=\"mailto:x@y.z\">x@y.z</a>"},
    {"unsafe links", "[a](javascript:alert(1)) [b](data:x) [c](file:///etc) [d](rel.md)", "a b c d"},
    {"image", "![cat](https://a.b/c.png)", "<a href=\"https://a.b/c.png\">cat</a>"},
    {"image without words", "![](https://a.b/c.png)", "<a href=\"https://a.b/c.png\">https://a.b/c.png</a>"},
    {"image in a link", "[![cat](https://a.b/c.png)](https://d.e)", "<a href=\"https://d.e\">cat</a>"},
    {"quote", "> a\n> b\n>\n> > c\n\nd", "<blockquote>a\nb\n\nc</blockquote>\n\nd"},
    {"raw html", "<b>x</b> <script>y</script>", "&lt;b&gt;x&lt;/b&gt; &lt;script&gt;y&lt;/script&gt;"},
    {"html block", "<div>\nx\n</div>", "&lt;div&gt;\nx\n&lt;/div&gt;"},
    {"entities", "a &amp; b &lt;i&gt; &#65; &unknown; &#0;", "a &amp; b &lt;i&gt; A &amp;unknown; \uFFFD"},
    {"rule", "a\n\n---\n\nb", "a\n\n———\n\nb"},
    {"narrow table", "| a | bb |\n|---|---|\n| ccc | **d** |", "<pre>a   | bb\nccc | d</pre>"},
    {"table with wide letters", "|日本|b|\n|---|---|\n|c|d|", "<pre>日本 | b\nc    | d</pre>"},
    {"wide table", "| aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | bbbbbbbbbbbbbbbbbbbbbbbbb |\n|---|---|\n| c & d | e |",
     "<b>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | bbbbbbbbbbbbbbbbbbbbbbbbb</b>\nc &amp; d | e"},
    {"stray marks", "2 * 3 * 4 and snake_case_name and ~x", "2 * 3 * 4 and snake_case_name and ~x"},
    {"unclosed", "**never closed", "**never closed"},
    {"right-to-left", "**שלום** עולם", "<b>שלום</b> עולם"},
    {"indented is not code", "a\n\n    b", "a\n\nb"},
    {"invalid UTF-8", "a\xff**b**", "a\uFFFD<b>b</b>"},
    {"empty span", "a [](https://b.c) d", "a  d"},
};

}  // namespace

TEST_CASE("Markdown becomes the HTML that Telegram shows") {
  for (const Golden& golden : kGolden) {
    CAPTURE(golden.name);
    CHECK(html(golden.markdown) == golden.html);
    CHECK(usher::testing::parse_telegram_html(html(golden.markdown)).has_value());
  }
}

TEST_CASE("the short cut for plain sentences gives what md4c gives") {
  const std::vector<std::string> texts = {"pong n0nce12",
                                          "Hi! 3 + 4 = 7; it's \"fine\" (50%), or: a/b @c #d $e ^f {g}",
                                          "two  spaces",
                                          "a",
                                          "A. not a list",
                                          "ends with #",
                                          "https://a.b/c?d=e",
                                          "x - y - z",
                                          "a 1. b",
                                          "=",
                                          "word ="};
  for (const std::string& text : texts) {
    CAPTURE(text);
    const StyledText fast = from_markdown(text), slow = from_markdown_slowly(text);
    CHECK(fast.text == slow.text);
    CHECK(fast.spans.size() == slow.spans.size());
  }
}

TEST_CASE("a table that would blow up into empty cells is taken as plain text") {
  std::string markdown(20'000, '|');
  markdown += "\n";
  for (int i = 0; i < 20'000; ++i) markdown += "|-";
  for (int i = 0; i < 5'000; ++i) markdown += "\n|x";
  const StyledText styled = from_markdown(markdown);
  CHECK(styled.text.size() <= markdown.size());
}

TEST_CASE("a span that md4c opens and never closes ends with its block") {
  // The marks of `~~` stand in a link's address, so the end of the strikethrough vanishes with it.
  const StyledText styled = from_markdown("[](htt~~:/~x[](htt~~.)) y\n\nnext");
  for (const Span& span : styled.spans) {
    CHECK(span.begin < span.end);
    CHECK(span.end <= styled.text.find("\n\nnext"));
  }
  CHECK(usher::testing::parse_telegram_html(to_html(styled, 0, styled.text.size())).has_value());
}

TEST_CASE("deep nesting stays bounded and valid") {
  std::string markdown;
  for (int i = 0; i < 5000; ++i) markdown += "> ";
  markdown += "x\n";
  for (int i = 0; i < 300; ++i) markdown += std::string(static_cast<std::size_t>(2 * i), ' ') + "- a\n";
  for (int i = 0; i < 3000; ++i) markdown += "**[";
  const std::string out = html(markdown);
  CHECK(usher::testing::parse_telegram_html(out).has_value());
}

TEST_CASE("only addresses that Telegram opens safely are links") {
  CHECK(is_linkable("HTTPS://a.b"));
  CHECK(is_linkable("tg://user?id=1"));
  CHECK(is_linkable("mailto:a@b.c"));
  for (const char* address :
       {"", "http://", "javascript:x", " http://a", "http://a b", "ftp://a", "//a.b", "http:a", "http://a\n"}) {
    CAPTURE(address);
    CHECK_FALSE(is_linkable(address));
  }
  CHECK_FALSE(is_linkable("http://" + std::string(3000, 'a')));
}
