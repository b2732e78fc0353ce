// Bodies: one JSON object, and its members read one by one with the sentence for the first that is wrong. Pure.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "admin/api/answers.h"
#include "base/json.h"
#include "policy/policy.h"

namespace usher::admin {

constexpr std::size_t kMaxBodyBytes = 64u << 10;

// 400 for what is no JSON object, is not UTF-8 or names a member twice.
Judged<json::object> read_body(std::string_view text);

// Reads the members of one object. A member that is wrong yields the fallback, and problem() says what the first was.
// A member that is not known is wrong too: a misspelt one would be taken for an absent one. null is not absent.
class Fields {
 public:
  // `object` must outlive it.
  Fields(const json::object& object, std::initializer_list<std::string_view> known);

  bool has(std::string_view name) const { return find(name) != nullptr; }
  // Without control characters.
  std::optional<std::string> text(std::string_view name, std::size_t max_bytes);
  std::string required_text(std::string_view name, std::size_t max_bytes);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t least, std::int64_t most);
  // Its patterns without control characters either.
  std::optional<policy::PolicyDocument> policy(std::string_view name);
  policy::PolicyDocument required_policy(std::string_view name);
  // As JSON without blanks; "{}" when absent.
  std::string object(std::string_view name, std::size_t max_bytes);

  // For what the caller finds wrong himself; the first complaint stays.
  void complain(std::string_view name, std::string_view what);
  // 422 with the first complaint; nullopt when all is well.
  std::optional<net::ServerResponse> problem() const;

 private:
  const json::value* find(std::string_view name) const;

  const json::object& object_;
  std::string complaint_;
};

}  // namespace usher::admin
