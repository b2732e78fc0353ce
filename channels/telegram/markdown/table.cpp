#include "channels/telegram/markdown/table.h"

#include <utf8proc.h>

#include <algorithm>

namespace usher::telegram {
namespace {

constexpr std::size_t kMaxColumns = 44;
constexpr std::string_view kBetween = " | ";

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

}  // namespace

void Table::begin_cell() {
  if (!rows_.empty()) rows_.back().emplace_back();
}

void Table::append(std::string_view text) {
  if (!rows_.empty() && !rows_.back().empty()) rows_.back().back().append(text);
}

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]));
  }
  return widths;
}

bool Table::is_narrow() const {
  std::size_t total = 0;
  for (const std::size_t width : widths()) total += width + kBetween.size();
  return total <= kMaxColumns + kBetween.size();
}

std::string Table::in_columns() const {
  const std::vector<std::size_t> widths = this->widths();
  std::string lines;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += kBetween;
      line += row[i];
      line.append(widths[i] - columns_of(row[i]), ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    if (!lines.empty()) lines += '\n';
    lines += line;
  }
  return lines;
}

std::vector<std::string> Table::in_lines() const {
  std::vector<std::string> lines;
  for (const auto& row : rows_) {
    std::string& line = lines.emplace_back();
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += kBetween;
      line += row[i];
    }
  }
  return lines;
}

}  // namespace usher::telegram
