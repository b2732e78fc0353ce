#include "memory/passages.h"

#include <utility>

#include "base/text.h"

namespace usher::memory {

namespace {

constexpr std::size_t max_line_bytes = 64 * 1024;
constexpr int max_depth = 8;

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// The text of "## Returns ##", or "" when the line is no heading.
std::string_view heading_of(std::string_view line) {
  const std::size_t level = line.find_first_not_of('#');
  if (level == 0 || level > 6 || level == std::string_view::npos || line[level] != ' ') return {};
  std::string_view heading = trim(line.substr(level));
  while (heading.ends_with('#')) heading.remove_suffix(1);
  return trim(heading);
}

std::string stem_of(std::string_view file_name) {
  const std::size_t slash = file_name.rfind('/');
  if (slash != std::string_view::npos) file_name.remove_prefix(slash + 1);
  return std::string(file_name.substr(0, file_name.rfind('.')));
}

// Where to cut a text that is too long: after the last white space that leaves no tiny piece, else at a code point.
std::size_t cut_of(std::string_view text) {
  const std::string_view longest = prefix_within_bytes(text, max_passage_bytes);
  const std::size_t space = longest.find_last_of(" \n\t");
  return space == std::string_view::npos || space < max_passage_bytes / 2 ? longest.size() : space + 1;
}

class Cutter {
 public:
  explicit Cutter(std::string title) : title_(std::move(title)) {}

  void heading(std::string_view heading, std::string_view line) {
    end_paragraph();
    // A heading right below another one stays with it: a passage of nothing but a title helps nobody.
    if (has_body_) end_passage();
    title_ = heading;
    paragraph_.append(line).append("\n");
    end_paragraph();
    has_body_ = false;
  }

  void line(std::string_view line) {
    if (trim(line).empty()) {
      end_paragraph();
    } else {
      paragraph_.append(line).append("\n");
    }
  }

  std::vector<Passage> finish() {
    end_paragraph();
    end_passage();
    return std::move(passages_);
  }

 private:
  void end_paragraph() {
    if (paragraph_.empty()) return;
    if (text_.size() + 1 + paragraph_.size() > max_passage_bytes) end_passage();
    std::string_view rest = paragraph_;
    while (rest.size() > max_passage_bytes) {
      const std::size_t cut = cut_of(rest);
      text_ = rest.substr(0, cut);
      end_passage();
      rest.remove_prefix(cut);
    }
    if (!text_.empty()) text_ += '\n';
    text_ += rest;
    paragraph_.clear();
    has_body_ = true;
  }

  void end_passage() {
    const std::string_view text = trim(text_);
    if (!text.empty()) passages_.push_back({title_, std::string(text)});
    text_.clear();
    has_body_ = false;
  }

  std::string title_, text_, paragraph_;
  bool has_body_ = false;  // text_ has more than headings
  std::vector<Passage> passages_;
};

void append_words(std::string& words, const json::value& value, std::string_view name, int depth) {
  if (depth > max_depth) return;
  if (const json::object* object = value.if_object()) {
    for (const json::key_value_pair& entry : *object) append_words(words, entry.value(), entry.key(), depth + 1);
  } else if (const json::array* array = value.if_array()) {
    for (const json::value& element : *array) append_words(words, element, name, depth + 1);
  } else if (const json::string* text = value.if_string()) {
    words.append(*text).append("\n");
  } else if (value.is_bool()) {
    // "waterproof" finds what is, not what is not.
    if (value.as_bool()) words.append(name).append(" true\n");
  } else if (value.is_number()) {
    words.append(json::serialize(value)).append("\n");
  }
}

std::string text_at(const json::value& object, std::string_view name) {
  const json::value* found = member(&object, name);
  if (!found) return {};
  if (found->is_string()) return std::string(found->as_string());
  if (found->is_int64() || found->is_uint64()) return json::serialize(*found);
  return {};
}

}  // namespace

std::vector<Passage> passages_of(std::string_view file_name, std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const std::string repaired = repair_utf8(text);
  std::string_view rest = repaired;
  Cutter cutter(stem_of(file_name));
  const bool is_markdown = file_name.ends_with(".md");
  bool is_code = false;  // between ``` fences '#' begins a comment
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    if (is_markdown && trim(line).starts_with("```")) is_code = !is_code;
    const std::string_view heading = is_markdown && !is_code ? heading_of(line) : std::string_view();
    if (heading.empty()) {
      cutter.line(line);
    } else {
      cutter.heading(heading, line);
    }
  }
  return cutter.finish();
}

Result<Product> product_of(std::string_view line) {
  Result<json::value> parsed = parse_json(line, max_line_bytes);
  if (!parsed) return fail(std::move(parsed.error()));
  Product product;
  product.id = text_at(*parsed, "id");
  product.name = text_at(*parsed, "name");
  if (product.name.empty()) product.name = text_at(*parsed, "title");
  if (product.id.empty() || product.name.empty()) return fail(ErrorKind::invalid, "no \"id\" or no \"name\"");
  append_words(product.words, *parsed, "", 0);
  return product;
}

}  // namespace usher::memory
