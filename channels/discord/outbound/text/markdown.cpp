#include "channels/discord/outbound/text/markdown.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/cut.h"
#include "base/text.h"

namespace usher::discord {
namespace {

constexpr std::size_t kMaxLanguage = 20;
constexpr std::string_view kFence = "```";
constexpr std::string_view kZeroWidthSpace = "\u200B";

bool is_language(std::string_view word) {
  return word.size() <= kMaxLanguage && std::ranges::all_of(word, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '+' ||
                  c == '-' || c == '.' || c == '#';
         });
}

// "py title=x" → "py"; "" for anything that Discord would show as code.
std::string language_of(std::string_view info) {
  info = trim(info);
  const std::string_view word = info.substr(0, info.find_first_of(" \t{,"));
  return is_language(word) ? std::string(word) : "";
}

std::size_t run_of(std::string_view text, char c) {
  const std::size_t end = text.find_first_not_of(c);
  return end == std::string_view::npos ? text.size() : end;
}

// A line that opens a block.
struct Fence {
  char mark = '`';
  std::size_t length = 0;
  std::string_view info;
};

std::optional<Fence> opens_block(std::string_view line) {
  const std::string_view bare = trim(line);
  for (const char mark : {'`', '~'}) {
    const std::size_t length = run_of(bare, mark);
    const std::string_view info = bare.substr(length);
    if (length < 3 || (mark == '`' && info.find('`') != std::string_view::npos)) continue;
    return Fence{mark, length, trim(info)};
  }
  return std::nullopt;
}

bool closes_block(std::string_view line, const Fence& fence) {
  const std::string_view bare = trim(line);
  return bare.size() >= fence.length && run_of(bare, fence.mark) == bare.size();
}

// "|---|:-:|", the second line of a table.
bool is_delimiter_row(std::string_view line) {
  const std::string_view bare = trim(line);
  return bare.find('|') != std::string_view::npos && bare.find('-') != std::string_view::npos &&
         bare.find_first_not_of("|-: \t") == std::string_view::npos;
}

bool is_row(std::string_view line) { return line.find('|') != std::string_view::npos; }

class Reader {
 public:
  explicit Reader(std::string_view markdown) : rest_(markdown) {}

  FencedText read() {
    while (!rest_.empty()) read_line();
    close_block();
    return std::move(out_);
  }

 private:
  std::string_view peek(std::size_t from = 0) const {
    if (from >= rest_.size()) return {};
    return rest_.substr(from, rest_.find('\n', from) - from);
  }
  std::string_view take() {
    const std::string_view line = peek();
    rest_.remove_prefix(std::min(line.size() + 1, rest_.size()));
    return line;
  }

  void read_line() {
    if (std::optional<Fence> fence = opens_block(peek())) {
      take();
      open_block(language_of(fence->info));
      if (open_->language.empty() && !fence->info.empty()) append(fence->info);
      while (!rest_.empty() && !closes_block(peek(), *fence)) append(take());
      take();
      close_block();
    } else if (is_row(peek()) && is_delimiter_row(peek(peek().size() + 1))) {
      open_block("");
      while (!rest_.empty() && is_row(peek())) append(take());
      close_block();
    } else {
      read_prose(take());
    }
  }

  // A line outside of blocks, in which one may begin or stand whole.
  void read_prose(std::string_view line) {
    while (true) {
      const std::size_t at = line.find(kFence);
      if (at == std::string_view::npos) return append(line);
      const std::string_view behind = line.substr(at + run_of(line.substr(at), '`'));
      const std::size_t end = behind.find(kFence);
      const bool is_whole = end != std::string_view::npos && end > 0;
      const bool opens =
          end == std::string_view::npos && is_language(trim(behind)) && rest_.find(kFence) != std::string_view::npos;
      if (!is_whole && !opens) return append(line);
      if (at > 0) append(line.substr(0, at));
      if (!is_whole) return read_opened(trim(behind));
      open_block("");
      append(behind.substr(0, end));
      close_block();
      line = behind.substr(end + run_of(behind.substr(end), '`'));
      if (trim(line).empty()) return;
    }
  }

  // The lines of a block that began within one, up to the fence that Discord would see.
  void read_opened(std::string_view language) {
    open_block(std::string(language));
    while (!rest_.empty()) {
      const std::string_view line = take();
      const std::size_t end = line.find(kFence);
      append(line.substr(0, end));
      if (end == std::string_view::npos) continue;
      close_block();
      const std::string_view behind = line.substr(end + run_of(line.substr(end), '`'));
      if (!trim(behind).empty()) append(behind);
      return;
    }
  }

  // A line.
  void append(std::string_view text) {
    for (std::size_t at = text.find(kFence); at != std::string_view::npos; at = text.find(kFence)) {
      out_.text.append(text.substr(0, at + 2)).append(kZeroWidthSpace);
      text.remove_prefix(at + 2);
    }
    out_.text.append(text).append("\n");
  }

  void open_block(std::string language) {
    // What came before is a paragraph of its own: the best place to cut is in front of the block.
    if (!out_.text.empty() && !out_.text.ends_with("\n\n")) out_.text += '\n';
    open_ = CodeBlock{out_.text.size(), 0, std::move(language)};
  }

  // The line feed before the closing fence is no part of the block.
  void close_block() {
    if (!open_) return;
    open_->end = out_.text.size();
    while (open_->end > open_->begin && out_.text[open_->end - 1] == '\n') --open_->end;
    out_.text.resize(open_->end);
    if (open_->begin < open_->end) {
      out_.text += "\n";
      out_.blocks.push_back(std::move(*open_));
    }
    open_.reset();
  }

  std::string_view rest_;
  FencedText out_;
  std::optional<CodeBlock> open_;
};

}  // namespace

FencedText from_markdown(std::string_view markdown) {
  std::string text = repair_utf8(markdown);
  std::erase(text, '\r');
  return Reader(text).read();
}

}  // namespace usher::discord
