#include "support/telegram/telegram_html.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>
#include <vector>

namespace usher::testing {
namespace {

const std::map<std::string, std::string, std::less<>> kTags = {
    {"b", "bold"},
    {"strong", "bold"},
    {"i", "italic"},
    {"em", "italic"},
    {"u", "underline"},
    {"ins", "underline"},
    {"s", "strikethrough"},
    {"strike", "strikethrough"},
    {"del", "strikethrough"},
    {"a", "text_link"},
    {"code", "code"},
    {"pre", "pre"},
    {"blockquote", "blockquote"},
    {"tg-spoiler", "spoiler"},
    {"span", "spoiler"},
    {"tg-emoji", "custom_emoji"},
};

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

std::unexpected<Error> refuse(std::string message) { return fail(ErrorKind::invalid, std::move(message)); }

void append_code_point(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

class Parser {
 public:
  explicit Parser(std::string_view html) : html_(html) {}

  Result<ParsedText> parse() {
    while (at_ < html_.size()) {
      const char c = html_[at_];
      if (c == '&') {
        read_entity(out_.text);
      } else if (c != '<') {
        out_.text += c;
        ++at_;
      } else {
        const Result<void> tag = at_ + 1 < html_.size() && html_[at_ + 1] == '/' ? close_tag() : open_tag();
        if (!tag) return fail(tag.error());
      }
    }
    if (!open_.empty()) return refuse("Can't find end tag corresponding to start tag " + quoted(open_.back().name));
    return std::move(out_);
  }

 private:
  struct Tag {
    std::string name, url, language;
    std::size_t unit = 0;
  };

  // One of the four named entities or a number; anything else is text.
  void read_entity(std::string& out) {
    constexpr std::array<std::pair<std::string_view, char>, 4> kNamed{
        {{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}}};
    const std::string_view rest = html_.substr(at_);
    for (const auto& [name, value] : kNamed) {
      if (!rest.starts_with(name)) continue;
      out += value;
      at_ += name.size();
      return;
    }
    const std::size_t end = rest.substr(0, 12).find(';');
    if (rest.starts_with("&#") && end != std::string_view::npos) {
      const bool is_hex = rest[2] == 'x';
      std::uint32_t c = 0;
      const auto [stop, error] =
          std::from_chars(rest.data() + (is_hex ? 3 : 2), rest.data() + end, c, is_hex ? 16 : 10);
      if (error == std::errc() && stop == rest.data() + end && c > 0 && c < 0x10FFFF) {
        append_code_point(out, c);
        at_ += end + 1;
        return;
      }
    }
    out += '&';
    ++at_;
  }

  std::string read_name() {
    const std::size_t begin = at_;
    while (at_ < html_.size() && html_[at_] != ' ' && html_[at_] != '\n' && html_[at_] != '>') ++at_;
    std::string name(html_.substr(begin, at_ - begin));
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return name;
  }

  void skip_space() {
    while (at_ < html_.size() && (html_[at_] == ' ' || html_[at_] == '\n')) ++at_;
  }

  Result<void> open_tag() {
    const std::size_t begin = at_++;
    Tag tag;
    tag.name = read_name();
    if (at_ >= html_.size()) return refuse("Unclosed start tag at byte offset " + std::to_string(begin));
    if (!kTags.contains(tag.name)) {
      return refuse("Unsupported start tag " + quoted(tag.name) + " at byte offset " + std::to_string(begin));
    }
    for (skip_space(); at_ < html_.size() && html_[at_] != '>'; skip_space()) {
      const Result<void> attribute = read_attribute(begin, tag);
      if (!attribute) return attribute;
    }
    if (at_ >= html_.size()) return refuse("Unclosed start tag at byte offset " + std::to_string(begin));
    ++at_;
    tag.unit = utf16_units(out_.text);
    open_.push_back(std::move(tag));
    return {};
  }

  Result<void> read_attribute(std::size_t tag_begin, Tag& tag) {
    const std::string where = " at byte offset " + std::to_string(tag_begin);
    const std::size_t begin = at_;
    while (at_ < html_.size() && html_[at_] != '=' && html_[at_] != '>' && html_[at_] != ' ') ++at_;
    const std::string_view name = html_.substr(begin, at_ - begin);
    if (name.empty()) return refuse("Empty attribute name in the tag " + quoted(tag.name) + where);
    if (at_ >= html_.size() || html_[at_] != '=') return {};  // <blockquote expandable>
    ++at_;
    if (at_ >= html_.size() || (html_[at_] != '"' && html_[at_] != '\'')) {
      return refuse("Unexpected end of name token" + where);
    }
    const char quote = html_[at_++];
    std::string value;
    while (at_ < html_.size() && html_[at_] != quote) {
      if (html_[at_] == '&')
        read_entity(value);
      else
        value += html_[at_++];
    }
    if (at_ >= html_.size()) return refuse("Unclosed start tag" + where);
    ++at_;
    if (tag.name == "a" && name == "href") tag.url = value;
    if (tag.name == "code" && name == "class" && value.starts_with("language-")) tag.language = value.substr(9);
    return {};
  }

  Result<void> close_tag() {
    const std::size_t begin = at_;
    at_ += 2;
    const std::string name = read_name();
    skip_space();
    if (at_ >= html_.size() || html_[at_] != '>')
      return refuse("Unclosed end tag at byte offset " + std::to_string(begin));
    ++at_;
    if (open_.empty()) return refuse("Unexpected end tag at byte offset " + std::to_string(begin));
    if (!name.empty() && name != open_.back().name) {
      return refuse("Unmatched end tag at byte offset " + std::to_string(begin) + ", expected \"</" +
                    open_.back().name + ">\", found \"</" + name + ">\"");
    }
    const Tag tag = std::move(open_.back());
    open_.pop_back();
    add_entity(tag);
    return {};
  }

  void add_entity(const Tag& tag) {
    const std::size_t length = utf16_units(out_.text) - tag.unit;
    if (length == 0 || (tag.name == "a" && tag.url.empty())) return;
    json::object entity{{"type", kTags.at(tag.name)}, {"offset", tag.unit}, {"length", length}};
    if (!tag.url.empty()) entity["url"] = tag.url;
    if (!tag.language.empty()) entity["language"] = tag.language;
    out_.entities.push_back(std::move(entity));
  }

  std::string_view html_;
  std::size_t at_ = 0;
  ParsedText out_;
  std::vector<Tag> open_;
};

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

std::size_t utf16_units(std::string_view text) {
  std::size_t units = 0;
  for (char c : text) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) units += byte >= 0xF0 ? 2 : 1;
  }
  return units;
}

Result<ParsedText> parse_telegram_html(std::string_view html) { return Parser(html).parse(); }

json::array find_entities(std::string_view text) {
  json::array entities;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool is_start = at == 0 || (!is_name_character(text[at - 1]) && text[at - 1] != '/');
    if (!is_start || (text[at] != '/' && text[at] != '@')) continue;
    std::size_t end = at + 1;
    while (end < text.size() && (is_name_character(text[end]) || (text[at] == '/' && text[end] == '@'))) ++end;
    if (end - at < (text[at] == '@' ? 4 : 2)) continue;
    entities.push_back(json::object{{"type", text[at] == '@' ? "mention" : "bot_command"},
                                    {"offset", utf16_units(text.substr(0, at))},
                                    {"length", utf16_units(text.substr(at, end - at))}});
    at = end - 1;
  }
  return entities;
}

}  // namespace usher::testing
