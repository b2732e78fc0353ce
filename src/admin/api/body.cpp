#include "admin/api/body.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace usher::admin {
namespace {

// Those that a terminal or a log could take for commands: U+0000–001F, 007F and 0080–009F.
bool has_control_character(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) return true;
  }
  return false;
}

bool has_control_character(const policy::PolicyDocument& document) {
  const auto is_bad = [](const std::string& pattern) { return has_control_character(std::string_view(pattern)); };
  return std::ranges::any_of(document.allowed_actions, is_bad) ||
         std::ranges::any_of(document.denied_actions, is_bad) ||
         std::ranges::any_of(document.allowed_resources, is_bad) ||
         std::ranges::any_of(document.denied_resources, is_bad);
}

}  // namespace

Judged<json::object> read_body(std::string_view text) {
  Result<json::value> value = parse_json(text, kMaxBodyBytes);
  if (!value) return std::unexpected(refusal(400, value.error().message));
  if (!value->is_object()) return std::unexpected(refusal(400, "the body must be a JSON object"));
  if (has_repeated_member(text)) return std::unexpected(refusal(400, "the body names a member twice"));
  return std::move(value->get_object());
}

Fields::Fields(const json::object& object, std::initializer_list<std::string_view> known) : object_(object) {
  for (const json::key_value_pair& member : object) {
    const std::string_view name(member.key().data(), member.key().size());
    if (std::ranges::find(known, name) == known.end()) complain(printable(name, 60), "is not known here");
  }
}

const json::value* Fields::find(std::string_view name) const { return object_.if_contains(name); }

void Fields::complain(std::string_view name, std::string_view what) {
  if (complaint_.empty()) complaint_ = fmt::format("'{}' {}", name, what);
}

std::optional<net::ServerResponse> Fields::problem() const {
  if (complaint_.empty()) return std::nullopt;
  return refusal(422, complaint_);
}

std::optional<std::string> Fields::text(std::string_view name, std::size_t max_bytes) {
  const json::value* value = find(name);
  if (!value) return std::nullopt;
  const json::string* text = value->if_string();
  if (!text) {
    complain(name, "must be a string");
  } else if (text->size() > max_bytes) {
    complain(name, fmt::format("is longer than {} bytes", max_bytes));
  } else if (has_control_character({text->data(), text->size()})) {
    complain(name, "holds a control character");
  } else {
    return std::string(text->data(), text->size());
  }
  return std::nullopt;
}

std::string Fields::required_text(std::string_view name, std::size_t max_bytes) {
  std::optional<std::string> value = text(name, max_bytes);
  if (value && !value->empty()) return std::move(*value);
  complain(name, has(name) ? "must not be empty" : "is missing");
  return {};
}

std::optional<std::int64_t> Fields::integer(std::string_view name, std::int64_t least, std::int64_t most) {
  const json::value* value = find(name);
  if (!value) return std::nullopt;
  // A number beyond 63 bits is not within any range.
  const std::int64_t* number = value->if_int64();
  if (number && *number >= least && *number <= most) return *number;
  complain(name, fmt::format("must be a whole number from {} to {}", least, most));
  return std::nullopt;
}

std::optional<policy::PolicyDocument> Fields::policy(std::string_view name) {
  const json::value* value = find(name);
  if (!value) return std::nullopt;
  Result<policy::PolicyDocument> document = policy::parse_policy(json::serialize(*value));
  if (!document) {
    complain(name, fmt::format("is no valid policy: {}", document.error().message));
  } else if (has_control_character(*document)) {
    complain(name, "is no valid policy: a pattern holds a control character");
  } else {
    return std::move(*document);
  }
  return std::nullopt;
}

policy::PolicyDocument Fields::required_policy(std::string_view name) {
  std::optional<policy::PolicyDocument> document = policy(name);
  if (document) return std::move(*document);
  complain(name, "is missing");
  return {};
}

std::string Fields::object(std::string_view name, std::size_t max_bytes) {
  const json::value* value = find(name);
  if (!value) return "{}";
  if (!value->is_object()) {
    complain(name, "must be an object");
    return "{}";
  }
  std::string text = json::serialize(*value);
  if (text.size() <= max_bytes) return text;
  complain(name, fmt::format("is longer than {} bytes", max_bytes));
  return "{}";
}

}  // namespace usher::admin
