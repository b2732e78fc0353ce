// What somebody wrote: bounds, JSON, digest.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/text.h"
#include "policy/policy.h"

namespace usher::policy {
namespace {

using List = std::vector<std::string> PolicyDocument::*;

struct Member {
  std::string_view name;
  List list;
};
constexpr std::array<Member, 4> kLists{{{"allowed_actions", &PolicyDocument::allowed_actions},
                                        {"denied_actions", &PolicyDocument::denied_actions},
                                        {"allowed_resources", &PolicyDocument::allowed_resources},
                                        {"denied_resources", &PolicyDocument::denied_resources}}};
constexpr std::string_view kLevel = "max_sensitivity_level";

std::unexpected<Error> refuse(std::string_view member, std::string_view what) {
  return fail(ErrorKind::invalid, fmt::format("'{}' {}", member, what));
}

Result<void> check_pattern(std::string_view member, const std::string& pattern) {
  if (pattern.size() > kMaxPatternBytes) {
    return refuse(member, fmt::format("holds a pattern of {} bytes; {} are allowed", pattern.size(), kMaxPatternBytes));
  }
  if (!is_valid_utf8(pattern)) return refuse(member, "holds a pattern that is not valid UTF-8");
  const bool has_control =
      std::ranges::any_of(pattern, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (has_control) return refuse(member, fmt::format("holds a control character in '{}'", printable(pattern)));
  return {};
}

Result<std::vector<std::string>> read_list(std::string_view member, const json::value& value) {
  const json::array* items = value.if_array();
  if (!items) return refuse(member, "must be a list of patterns");
  std::vector<std::string> list;
  list.reserve(items->size());
  for (const json::value& item : *items) {
    const json::string* pattern = item.if_string();
    if (!pattern) return refuse(member, "must hold nothing but strings");
    list.emplace_back(pattern->data(), pattern->size());
  }
  return list;
}

Result<void> read_member(std::string_view name, const json::value& value, PolicyDocument& document) {
  if (name == kLevel) {
    const std::int64_t* level = value.if_int64();
    if (!level || *level < 0 || *level > kMaxSensitivity) {
      return refuse(kLevel, fmt::format("must be a whole number from 0 to {}", kMaxSensitivity));
    }
    document.max_sensitivity_level = static_cast<int>(*level);
    return {};
  }
  const auto member = std::ranges::find(kLists, name, &Member::name);
  if (member == kLists.end()) return refuse(printable(name, 60), "is no member of a policy");
  Result<std::vector<std::string>> list = read_list(name, value);
  if (!list) return fail(std::move(list.error()));
  document.*(member->list) = std::move(*list);
  return {};
}

}  // namespace

Result<void> check(const PolicyDocument& document) {
  std::size_t patterns = 0;
  for (const Member& member : kLists) {
    for (const std::string& pattern : document.*(member.list)) {
      Result<void> checked = check_pattern(member.name, pattern);
      if (!checked) return checked;
    }
    patterns += (document.*(member.list)).size();
  }
  if (patterns > kMaxPatterns) {
    return fail(ErrorKind::invalid, fmt::format("a policy of {} patterns; {} are allowed", patterns, kMaxPatterns));
  }
  if (document.max_sensitivity_level < 0 || document.max_sensitivity_level > kMaxSensitivity) {
    return refuse(kLevel, fmt::format("must be a whole number from 0 to {}", kMaxSensitivity));
  }
  return {};
}

Result<PolicyDocument> parse_policy(std::string_view text) {
  Result<json::value> value = parse_json(text, kMaxDocumentBytes);
  if (!value) return fail(std::move(value.error()));
  const json::object* object = value->if_object();
  if (!object) return fail(ErrorKind::invalid, "a policy is a JSON object");
  if (has_repeated_member(text)) return fail(ErrorKind::invalid, "a member of the policy is written twice");
  PolicyDocument document;
  for (const json::key_value_pair& member : *object) {
    Result<void> read =
        read_member(std::string_view(member.key().data(), member.key().size()), member.value(), document);
    if (!read) return fail(std::move(read.error()));
  }
  Result<void> checked = check(document);
  if (!checked) return fail(std::move(checked.error()));
  return document;
}

std::string to_json(const PolicyDocument& document) {
  json::object object;
  for (const Member& member : kLists) {
    const std::vector<std::string>& list = document.*(member.list);
    object.emplace(json::string_view(member.name.data(), member.name.size()), json::array(list.begin(), list.end()));
  }
  object.emplace(json::string_view(kLevel.data(), kLevel.size()), document.max_sensitivity_level);
  return json::serialize(object);
}

Digest digest_of(const PolicyDocument& document) { return sha256(to_json(document)); }

}  // namespace usher::policy
