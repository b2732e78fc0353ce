// A table of plain cells, as a chat can show it: in columns where they fit a phone, else as lines. Pure, no I/O.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace usher::telegram {

class Table {
 public:
  void begin_row() { rows_.emplace_back(); }
  // The cell comes behind the last one; without a row it is dropped.
  void begin_cell();
  // To the last cell; without one it is dropped.
  void append(std::string_view text);

  // What a phone shows of monospaced text without wrapping.
  bool is_narrow() const;
  // One text, the columns filled with spaces: for monospaced text.
  std::string in_columns() const;
  // "a | b" for each row; the first is the head.
  std::vector<std::string> in_lines() const;

 private:
  std::vector<std::size_t> widths() const;

  std::vector<std::vector<std::string>> rows_;
};

}  // namespace usher::telegram
