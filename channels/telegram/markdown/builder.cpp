#include "channels/telegram/markdown/builder.h"

#include <algorithm>

#include "channels/telegram/markdown/entities.h"

namespace usher::telegram {
namespace {

constexpr std::size_t kMaxIndent = 8;  // levels of nested lists that are still indented

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

}  // namespace

std::size_t Builder::indent() const { return 2 * std::min(lists_.size(), kMaxIndent); }

void Builder::flush(std::size_t spaces) {
  if (pending_ == 0) return;
  if (!out_.text.empty()) out_.text.append(pending_, '\n').append(spaces, ' ');
  pending_ = 0;
}

void Builder::write(std::string_view text) {
  if (text.empty()) return;
  if (table_) return table_->append(text);
  flush(is_code_block_ ? 0 : indent());
  is_fresh_ = false;
  out_.text.append(text);
}

void Builder::open(int kind, std::optional<Style> style, std::string detail) {
  const bool is_shown = style && !table_ && depth_[static_cast<std::size_t>(*style)] == 0;
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
  if (table_) {
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
      table_.emplace();
      break;
    case MD_BLOCK_TR:
      if (table_) table_->begin_row();
      break;
    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
      if (table_) table_->begin_cell();
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
      if (table_) end_table();
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
      return write(table_ ? std::string(" ") : "\n" + std::string(indent(), ' '));
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
  const Table table = *std::exchange(table_, std::nullopt);
  if (table.is_narrow()) {
    open(kBlock, Style::pre);
    write(table.in_columns());
    return close_top();
  }
  bool is_head = true;
  for (const std::string& line : table.in_lines()) {
    if (!is_head) need(1);
    if (is_head) open(kBlock, Style::bold);
    write(line);
    if (is_head) close_top();
    is_head = false;
  }
}

}  // namespace usher::telegram
