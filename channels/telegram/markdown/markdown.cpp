#include "channels/telegram/markdown/markdown.h"

#include <md4c.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/text.h"
#include "channels/telegram/markdown/builder.h"

namespace usher::telegram {
namespace {

constexpr std::size_t kMaxMarkdown = 256u << 10;
constexpr std::size_t kMaxAddress = 2048;

// One line that begins with a letter and holds no character with which Markdown could mean anything.
bool is_plain_sentence(std::string_view text) {
  if (text.empty() || text.size() > 4096 || text.back() == ' ') return false;
  const char first = text.front();
  if (!((first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z'))) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    constexpr std::string_view kSpecial = "\\`*_~[]<>&|";
    return c >= 0x20 && c < 0x7F && kSpecial.find(c) == std::string_view::npos;
  });
}

}  // namespace

bool is_linkable(std::string_view address) {
  if (address.size() > kMaxAddress) return false;
  const bool is_printable = std::none_of(address.begin(), address.end(),
                                         [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; });
  std::string lower(address.substr(0, 8));
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  for (std::string_view scheme : {"http://", "https://", "tg://", "mailto:"}) {
    if (is_printable && lower.starts_with(scheme) && address.size() > scheme.size()) return true;
  }
  return false;
}

StyledText from_markdown_slowly(std::string_view markdown) {
  std::string source = repair_utf8(markdown);
  if (source.size() > kMaxMarkdown) return {std::move(source), {}};
  Builder builder(source.size());
  MD_PARSER parser{};
  parser.flags =
      MD_FLAG_NOHTML | MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS | MD_FLAG_NOINDENTEDCODEBLOCKS;
  parser.enter_block = [](MD_BLOCKTYPE type, void* detail, void* self) {
    static_cast<Builder*>(self)->enter_block(type, detail);
    return static_cast<Builder*>(self)->work() ? 0 : -1;
  };
  parser.leave_block = [](MD_BLOCKTYPE type, void*, void* self) {
    static_cast<Builder*>(self)->leave_block(type);
    return static_cast<Builder*>(self)->work() ? 0 : -1;
  };
  parser.enter_span = [](MD_SPANTYPE type, void* detail, void* self) {
    static_cast<Builder*>(self)->enter_span(type, detail);
    return static_cast<Builder*>(self)->work() ? 0 : -1;
  };
  parser.leave_span = [](MD_SPANTYPE type, void*, void* self) {
    static_cast<Builder*>(self)->leave_span(type);
    return static_cast<Builder*>(self)->work() ? 0 : -1;
  };
  parser.text = [](MD_TEXTTYPE type, const MD_CHAR* text, MD_SIZE size, void* self) {
    static_cast<Builder*>(self)->text(type, {text, size});
    return static_cast<Builder*>(self)->work() ? 0 : -1;
  };
  if (md_parse(source.data(), static_cast<MD_SIZE>(source.size()), &parser, &builder) != 0)
    return {std::move(source), {}};
  return builder.take();
}

StyledText from_markdown(std::string_view markdown) {
  if (is_plain_sentence(markdown)) return {std::string(markdown), {}};
  return from_markdown_slowly(markdown);
}

}  // namespace usher::telegram
