// Collects what md4c reports of a Markdown text into styled text. One text each; no I/O; one thread.
#pragma once

#include <md4c.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "channels/telegram/markdown/markdown.h"
#include "channels/telegram/markdown/table.h"

namespace usher::telegram {

// Separators between blocks are remembered when a block ends and written
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
  std::size_t indent() const;
  void flush(std::size_t spaces);
  void write(std::string_view text);
  void open(int kind, std::optional<Style> style, std::string detail = {});
  void close_top();
  void close_spans();
  void finish_address(const Mark& mark);
  void begin_item(const MD_BLOCK_LI_DETAIL& item);
  void end_table();

  StyledText out_;
  std::size_t work_left_;
  std::size_t pending_ = 0;  // newlines owed before the next text
  bool is_fresh_ = true;     // nothing written since the document, item or quote began
  bool is_code_block_ = false;
  std::optional<Table> table_;  // its cells take what is written while it is open
  std::vector<List> lists_;
  std::vector<Mark> open_;  // innermost last
  std::array<int, kStyles> depth_{};
};

}  // namespace usher::telegram
