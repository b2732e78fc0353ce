#include "channels/discord/events/snowflake.h"

#include <charconv>
#include <cstdint>

namespace usher::discord {
namespace {

constexpr std::size_t kMaxRoles = 512;

}  // namespace

bool is_snowflake(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value > 0 && text.front() != '0';
}

std::string snowflake_at(const json::value* in, std::string_view name) {
  const std::string_view id = string_at(in, name).value_or("");
  return is_snowflake(id) ? std::string(id) : "";
}

std::vector<std::string> roles_in(const json::value* member) {
  std::vector<std::string> out;
  const json::array* roles = array_at(member, "roles");
  for (std::size_t i = 0; roles && i < roles->size() && out.size() < kMaxRoles; ++i) {
    const json::string* id = (*roles)[i].if_string();
    if (id && is_snowflake({id->data(), id->size()})) out.emplace_back(id->data(), id->size());
  }
  return out;
}

}  // namespace usher::discord
