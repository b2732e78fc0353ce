#include "config/reading/placeholders.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/files.h"
#include "base/result.h"
#include "base/text.h"

namespace usher::config {
namespace {

constexpr std::size_t kMaxSecretFileBytes = 64u << 10;
constexpr std::size_t kMaxExpandedBytes = 256u << 10;

struct Placeholder {
  std::string name;
  std::optional<std::string> fallback;
};

bool is_variable_name(std::string_view name) {
  const auto is_start = [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto is_part = [&](char c) { return is_start(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && is_start(name.front()) && std::ranges::all_of(name, is_part);
}

// Reads the placeholder that opens at text[0..2) = "${" and moves `text` behind its end; nullopt = malformed.
std::optional<Placeholder> take_placeholder(std::string_view& text) {
  const std::size_t end = text.find('}');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view inside = text.substr(2, end - 2);
  text.remove_prefix(end + 1);
  const std::size_t colon = inside.find(":-");
  const std::string_view name = inside.substr(0, colon);
  if (!is_variable_name(name) || inside.contains("${")) return std::nullopt;
  if (colon == std::string_view::npos) return Placeholder{std::string(name), std::nullopt};
  return Placeholder{std::string(name), std::string(inside.substr(colon + 2))};
}

// Values go into headers, URLs and paths: no line break, no NUL, valid UTF-8.
bool is_plain(std::string_view value) {
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  return is_valid_utf8(value) && std::ranges::none_of(value, is_control);
}

class Expander {
 public:
  Expander(const Environment& env, const std::filesystem::path& base) : env_(env), base_(base) {}

  Result<std::string> expand(std::string_view text) const {
    std::string out;
    while (!text.empty() && out.size() <= kMaxExpandedBytes) {
      const std::size_t dollar = text.find('$');
      out += text.substr(0, dollar);
      if (dollar == std::string_view::npos) break;
      text.remove_prefix(dollar);
      if (text.starts_with("$${")) {
        out += "${";
        text.remove_prefix(3);
      } else if (text.starts_with("${")) {
        const std::optional<Placeholder> placeholder = take_placeholder(text);
        if (!placeholder) return malformed();
        const Result<std::string> value = look_up(*placeholder);
        if (!value) return value;
        out += *value;
      } else {
        out += '$';
        text.remove_prefix(1);
      }
    }
    if (out.size() > kMaxExpandedBytes) return fail(ErrorKind::invalid, "longer than 256 KiB once replaced");
    return out;
  }

 private:
  static std::unexpected<Error> malformed() {
    return fail(ErrorKind::invalid,
                "malformed placeholder; write ${NAME} (A-Z, 0-9, _), ${NAME:-fallback}, or $${ for a literal ${");
  }

  Result<std::string> look_up(const Placeholder& placeholder) const {
    const std::string& name = placeholder.name;
    const std::string value = env_(name).value_or("");
    const std::string file = env_(name + "_FILE").value_or("");
    if (!value.empty() && !file.empty()) {
      return fail(ErrorKind::invalid, fmt::format("{0} and {0}_FILE are both set; unset one of them", name));
    }
    if (!value.empty()) return checked(value, name);
    if (!file.empty()) return read(base_ / file, fmt::format("the file that {}_FILE names", name));
    const std::string credentials = env_("CREDENTIALS_DIRECTORY").value_or("");
    std::error_code ignored;
    if (!credentials.empty() && std::filesystem::exists(std::filesystem::path(credentials) / name, ignored)) {
      return read(std::filesystem::path(credentials) / name, fmt::format("the credential {}", name));
    }
    if (placeholder.fallback) return *placeholder.fallback;
    return fail(ErrorKind::invalid,
                fmt::format("the environment variable {} is {}", name, env_(name) ? "empty" : "not set"));
  }

  static Result<std::string> read(const std::filesystem::path& path, const std::string& what) {
    Result<std::string> content = read_file(path, kMaxSecretFileBytes);
    if (!content) return fail(ErrorKind::invalid, fmt::format("cannot read {}: {}", what, content.error().message));
    if (content->ends_with('\n')) content->resize(content->size() - (content->ends_with("\r\n") ? 2 : 1));
    if (content->empty()) return fail(ErrorKind::invalid, fmt::format("{} is empty", what));
    return checked(*content, what);
  }

  static Result<std::string> checked(const std::string& value, const std::string& what) {
    if (is_plain(value)) return value;
    return fail(ErrorKind::invalid, fmt::format("{} holds a line break, a control character or invalid UTF-8", what));
  }

  const Environment& env_;
  const std::filesystem::path& base_;
};

void replace_in(Value& value, const std::string& key, const Expander& expander, Problems& problems) {
  if (value.kind == ValueKind::text) {
    Result<std::string> text = expander.expand(value.written);
    value.is_broken = !text;
    if (text) {
      value.text = std::move(*text);
    } else {
      problems.error(value.source, fmt::format("{}: {}", quote(key), text.error().message));
    }
  }
  for (Value& item : value.items) replace_in(item, key, expander, problems);
  for (Entry& entry : value.entries) {
    replace_in(entry.value, key.empty() ? entry.key : key + "." + entry.key, expander, problems);
  }
}

}  // namespace

void replace_placeholders(Value& root, const Environment& env, const std::filesystem::path& base, Problems& problems) {
  replace_in(root, "", Expander(env, base), problems);
}

bool holds_literal(std::string_view written) {
  while (!written.empty()) {
    if (!written.starts_with("${")) return true;
    const std::optional<Placeholder> placeholder = take_placeholder(written);
    if (!placeholder || !placeholder->fallback.value_or("").empty()) return true;
  }
  return false;
}

}  // namespace usher::config
