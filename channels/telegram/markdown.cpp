#include "channels/telegram/markdown.h"

#include <md4c.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"

namespace usher::telegram {
namespace {

constexpr std::size_t kMaxMarkdown = 256u << 10;
constexpr std::size_t kMaxAddress = 2048;
constexpr std::size_t kMaxTableColumns = 44;  // what a phone shows of monospaced text without wrapping
constexpr std::size_t kMaxIndent = 8;         // levels of nested lists that are still indented

void append_utf8(std::string& out, std::uint32_t code_point) {
  if (code_point == 0 || code_point > 0x10FFFF || (code_point >= 0xD800 && code_point < 0xE000)) code_point = 0xFFFD;
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 20> kEntities{{
    {"amp", "&"},   {"lt", "<"},    {"gt", ">"},     {"quot", "\""}, {"apos", "'"},  {"nbsp", "\u00A0"}, {"copy", "©"},
    {"reg", "®"},   {"trade", "™"}, {"hellip", "…"}, {"mdash", "—"}, {"ndash", "–"}, {"lsquo", "‘"},     {"rsquo", "’"},
    {"ldquo", "“"}, {"rdquo", "”"}, {"bull", "•"},   {"euro", "€"},  {"times", "×"}, {"rarr", "→"},
}};

// "&amp;" → "&"; what is not known stays as it was written.
void append_entity(std::string& out, std::string_view entity) {
  std::string_view name = entity.substr(1, entity.size() - 2);
  if (name.starts_with('#')) {
    const bool is_hex = name.size() > 1 && (name[1] == 'x' || name[1] == 'X');
    name.remove_prefix(is_hex ? 2 : 1);
    std::uint32_t code_point = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), code_point, is_hex ? 16 : 10);
    if (error == std::errc() && end == name.data() + name.size()) return append_utf8(out, code_point);
  }
  for (const auto& [known, value] : kEntities) {
    if (name == known) return void(out.append(value));
  }
  out.append(entity);
}

std::string text_of(const MD_ATTRIBUTE& attribute) {
  std::string out;
  for (unsigned i = 0; attribute.text && attribute.substr_offsets[i] < attribute.size; ++i) {
    const std::string_view part(attribute.text + attribute.substr_offsets[i],
                                attribute.substr_offsets[i + 1] - attribute.substr_offsets[i]);
    if (attribute.substr_types[i] == MD_TEXT_ENTITY)
      append_entity(out, part);
    else if (attribute.substr_types[i] == MD_TEXT_NULLCHAR)
      out += "\uFFFD";
    else
      out.append(part);
  }
  return out;
}

// The first word of a fence's info string, as far as it can be a language's name.
std::string language_of(const std::string& info) {
  std::string out;
  for (char c : info) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          std::string_view("+#_.-").find(c) != std::string_view::npos;
    if (!is_plain || out.size() == 32) break;
    out += c;
  }
  return out;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t at = 0; at < text.size();) {
    utf8proc_int32_t point = 0;
    const utf8proc_ssize_t size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at),
                                                   static_cast<utf8proc_ssize_t>(text.size() - at), &point);
    if (size <= 0) break;
    at += static_cast<std::size_t>(size);
    columns += static_cast<std::size_t>(std::max(0, utf8proc_charwidth(point)));
  }
  return columns;
}

using Row = std::vector<std::string>;

// Collects what md4c reports into styled text. Separators between blocks are remembered when a block ends and written
// when the next text comes, so that no span begins or ends with them.
class Builder {
 public:
  explicit Builder(std::size_t input_bytes) : work_left_(4 * input_bytes + 1000) {}

  StyledText take() { return std::move(out_); }

  // Every callback of md4c passes here; false gives up. Bounds tables whose short rows are filled with empty cells.
  bool work() { return work_left_ > 0 && --work_left_ > 0; }

  void enter_block(MD_BLOCKTYPE type, void* detail);
  void leave_block(MD_BLOCKTYPE type);
  void enter_span(MD_SPANTYPE type, void* detail);
  void leave_span(MD_SPANTYPE type);
  void text(MD_TEXTTYPE type, std::string_view text);

 private:
  struct List {
    bool is_ordered = false;
    unsigned next = 1;
  };
  // What md4c has entered and not left. Its spans are not always balanced (a `~~` inside a link's address opens one
  // that never closes), so every leaving looks for its own mark, and no span outlives its block.
  struct Mark {
    int kind = 0;                     // an MD_SPANTYPE, or kBlock
    std::optional<std::size_t> span;  // index of out_.spans; none when the style says nothing here
    std::string address;              // of a link or picture
    std::size_t begin = 0;            // of the text
  };
  static constexpr int kBlock = -1;

  void need(std::size_t newlines) { pending_ = std::max(pending_, newlines); }
  std::size_t indent() const { return 2 * std::min(lists_.size(), kMaxIndent); }
  void flush(std::size_t spaces);
  void write(std::string_view text);
  void open(int kind, std::optional<Style> style, std::string detail = {});
  void close_top();
  void close_spans();
  void finish_address(const Mark& mark);
  void begin_item(const MD_BLOCK_LI_DETAIL& item);
  void end_table();
  void write_aligned(const std::vector<std::size_t>& widths);

  StyledText out_;
  std::size_t work_left_;
  std::size_t pending_ = 0;  // newlines owed before the next text
  bool is_fresh_ = true;     // nothing written since the document, item or quote began
  bool is_code_block_ = false, is_in_table_ = false;
  std::vector<List> lists_;
  std::vector<Mark> open_;  // innermost last
  std::array<int, kStyles> depth_{};
  std::vector<Row> rows_;
};

void Builder::flush(std::size_t spaces) {
  if (pending_ == 0) return;
  if (!out_.text.empty()) out_.text.append(pending_, '\n').append(spaces, ' ');
  pending_ = 0;
}

void Builder::write(std::string_view text) {
  if (text.empty()) return;
  if (is_in_table_) {
    if (!rows_.empty() && !rows_.back().empty()) rows_.back().back().append(text);
    return;
  }
  flush(is_code_block_ ? 0 : indent());
  is_fresh_ = false;
  out_.text.append(text);
}

void Builder::open(int kind, std::optional<Style> style, std::string detail) {
  const bool is_shown = style && !is_in_table_ && depth_[static_cast<std::size_t>(*style)] == 0;
  if (is_shown) flush(style == Style::pre || style == Style::quote ? 0 : indent());
  open_.push_back({kind, std::nullopt, "", out_.text.size()});
  if (!is_shown) return;
  ++depth_[static_cast<std::size_t>(*style)];
  open_.back().span = out_.spans.size();
  out_.spans.push_back({out_.text.size(), out_.text.size(), *style, std::move(detail)});
}

void Builder::close_top() {
  const Mark mark = std::move(open_.back());
  open_.pop_back();
  finish_address(mark);
  if (!mark.span) return;
  Span& span = out_.spans[*mark.span];
  --depth_[static_cast<std::size_t>(span.style)];
  span.end = out_.text.size();
  if (span.end <= span.begin) out_.spans.resize(*mark.span);
}

void Builder::close_spans() {
  while (!open_.empty() && open_.back().kind != kBlock) close_top();
}

// A picture without a description, or a link in a table (whose cells are plain), shows its address.
void Builder::finish_address(const Mark& mark) {
  if (!is_linkable(mark.address)) return;
  if (is_in_table_) {
    write(" (" + mark.address + ")");
  } else if (mark.kind == MD_SPAN_IMG && out_.text.size() == mark.begin) {
    write(mark.address);
  }
}

void Builder::begin_item(const MD_BLOCK_LI_DETAIL& item) {
  if (lists_.empty()) return;
  List& list = lists_.back();
  need(out_.text.empty() ? 0 : 1);
  std::string marker = list.is_ordered ? std::to_string(list.next++) + ". " : "• ";
  if (item.is_task) marker = item.task_mark == ' ' ? "☐ " : "☑ ";
  flush(indent() - 2);
  out_.text += marker;
  is_fresh_ = true;
}

void Builder::enter_block(MD_BLOCKTYPE type, void* detail) {
  const bool is_own_line = type == MD_BLOCK_P || type == MD_BLOCK_H || type == MD_BLOCK_CODE ||
                           type == MD_BLOCK_QUOTE || type == MD_BLOCK_TABLE || type == MD_BLOCK_HR ||
                           type == MD_BLOCK_UL || type == MD_BLOCK_OL;
  close_spans();
  if (is_own_line && !is_fresh_) need(1);
  switch (type) {
    case MD_BLOCK_UL:
      lists_.push_back({});
      break;
    case MD_BLOCK_OL:
      lists_.push_back({true, static_cast<MD_BLOCK_OL_DETAIL*>(detail)->start});
      break;
    case MD_BLOCK_LI:
      begin_item(*static_cast<MD_BLOCK_LI_DETAIL*>(detail));
      break;
    case MD_BLOCK_H:
      open(kBlock, Style::bold);
      break;
    case MD_BLOCK_QUOTE:
      open(kBlock, Style::quote);
      is_fresh_ = true;
      break;
    case MD_BLOCK_CODE:
      is_code_block_ = true;
      open(kBlock, Style::pre, language_of(text_of(static_cast<MD_BLOCK_CODE_DETAIL*>(detail)->lang)));
      break;
    case MD_BLOCK_HR:
      write("———");
      break;
    case MD_BLOCK_TABLE:
      is_in_table_ = true;
      rows_.clear();
      break;
    case MD_BLOCK_TR:
      rows_.emplace_back();
      break;
    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
      if (!rows_.empty()) rows_.back().emplace_back();
      break;
    default:
      break;
  }
}

void Builder::leave_block(MD_BLOCKTYPE type) {
  close_spans();
  switch (type) {
    case MD_BLOCK_UL:
    case MD_BLOCK_OL:
      if (!lists_.empty()) lists_.pop_back();
      break;
    case MD_BLOCK_LI:
      return need(1);
    case MD_BLOCK_CODE:
      is_code_block_ = false;
      if (!open_.empty() && out_.text.size() > open_.back().begin && out_.text.back() == '\n') out_.text.pop_back();
      [[fallthrough]];
    case MD_BLOCK_H:
    case MD_BLOCK_QUOTE:
      if (!open_.empty()) close_top();
      break;
    case MD_BLOCK_TABLE:
      end_table();
      break;
    case MD_BLOCK_P:
    case MD_BLOCK_HR:
      break;
    default:
      return;
  }
  is_fresh_ = false;
  need(lists_.empty() ? 2 : 1);
}

std::optional<Style> style_of(MD_SPANTYPE type, const std::string& address) {
  switch (type) {
    case MD_SPAN_EM:
      return Style::italic;
    case MD_SPAN_STRONG:
      return Style::bold;
    case MD_SPAN_DEL:
      return Style::strike;
    case MD_SPAN_CODE:
      return Style::code;
    default:
      return is_linkable(address) ? std::optional(Style::link) : std::nullopt;
  }
}

void Builder::enter_span(MD_SPANTYPE type, void* detail) {
  std::string address;
  if (type == MD_SPAN_A) address = text_of(static_cast<MD_SPAN_A_DETAIL*>(detail)->href);
  if (type == MD_SPAN_IMG) address = text_of(static_cast<MD_SPAN_IMG_DETAIL*>(detail)->src);
  open(static_cast<int>(type), style_of(type, address), address);
  open_.back().address = std::move(address);
}

void Builder::leave_span(MD_SPANTYPE type) {
  const auto own = std::find_if(open_.rbegin(), open_.rend(), [&](const Mark& mark) {
    return mark.kind == kBlock || mark.kind == static_cast<int>(type);
  });
  if (own == open_.rend() || own->kind == kBlock) return;
  const std::size_t left = static_cast<std::size_t>(open_.rend() - own) - 1;
  while (open_.size() > left) close_top();
}

void Builder::text(MD_TEXTTYPE type, std::string_view text) {
  switch (type) {
    case MD_TEXT_NULLCHAR:
      return write("\uFFFD");
    case MD_TEXT_BR:
    case MD_TEXT_SOFTBR:
      return write(is_in_table_ ? std::string(" ") : "\n" + std::string(indent(), ' '));
    case MD_TEXT_ENTITY: {
      std::string decoded;
      append_entity(decoded, text);
      return write(decoded);
    }
    default:
      return write(text);
  }
}

// Narrow tables keep their columns in monospaced text; wide ones, which a phone would wrap, become "a | b" lines.
void Builder::end_table() {
  is_in_table_ = false;
  std::vector<std::size_t> widths;
  for (const Row& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]));
  }
  std::size_t total = 0;
  for (std::size_t width : widths) total += width + 3;
  if (total <= kMaxTableColumns + 3) {
    write_aligned(widths);
  } else {
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      if (r > 0) need(1);
      if (r == 0) open(kBlock, Style::bold);
      for (std::size_t i = 0; i < rows_[r].size(); ++i) write((i > 0 ? " | " : "") + rows_[r][i]);
      if (r == 0) close_top();
    }
  }
  rows_.clear();
}

void Builder::write_aligned(const std::vector<std::size_t>& widths) {
  std::string lines;
  for (const Row& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += (i > 0 ? " | " : "") + row[i];
      line.append(widths[i] - columns_of(row[i]), ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    lines += (lines.empty() ? "" : "\n") + line;
  }
  open(kBlock, Style::pre);
  write(lines);
  close_top();
}

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
