#include "base/sender.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/hash.h"
#include "base/text.h"

namespace usher {

namespace {

constexpr std::uint64_t first_discord_id = std::uint64_t{1} << 53;
constexpr std::uint64_t id_limit = std::uint64_t{1} << 63;

// A decimal number without sign or leading zero, from 1 to 2^63-1.
std::optional<std::uint64_t> canonical_number(std::string_view text) {
  if (text.empty() || text.size() > 19 || text.front() == '0') return std::nullopt;
  std::uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number >= id_limit) return std::nullopt;
  return number;
}

bool is_telegram_id(std::string_view id) {
  std::optional<std::uint64_t> number = canonical_number(id);
  return number && *number < first_discord_id;
}

bool is_discord_id(std::string_view id) { return canonical_number(id).has_value(); }

// Letters compared by value: the locale has no say in who somebody is.
bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

bool is_name(std::string_view id) { return !id.empty() && id.size() <= 64 && std::ranges::all_of(id, is_name_byte); }

struct Kind {
  std::string_view name;
  bool (*accepts)(std::string_view id);
  std::string_view expected;
};

constexpr std::array kinds{
    Kind{"telegram", is_telegram_id, "a decimal id from 1 to 2^53-1 (not a username)"},
    Kind{"discord", is_discord_id, "a decimal id from 1 to 2^63-1 (not a username)"},
    Kind{"console", is_name, "1 to 64 letters, digits, '_', '.' or '-'"},
    Kind{"web", is_name, "1 to 64 letters, digits, '_', '.' or '-'"},
};

std::unexpected<Error> not_a_sender(std::string_view text, std::string_view why) {
  return fail(ErrorKind::invalid, fmt::format("'{}' is not a sender: {}", printable(text, 80), why));
}

}  // namespace

std::string to_string(const Sender& sender) { return sender.kind + ":" + sender.id; }

Result<Sender> parse_sender(std::string_view text, std::string tenant) {
  if (tenant.empty()) return not_a_sender(text, "it has no tenant");
  std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    std::optional<std::uint64_t> number = canonical_number(text);
    if (!number) return not_a_sender(text, "expected \"kind:id\", as in \"telegram:123\", or a bare numeric id");
    return Sender{std::move(tenant), *number < first_discord_id ? "telegram" : "discord", std::string(text)};
  }
  std::string_view name = text.substr(0, colon);
  std::string_view id = text.substr(colon + 1);
  const auto* kind = std::ranges::find(kinds, name, &Kind::name);
  if (kind == kinds.end()) return not_a_sender(text, "its kind is none of telegram, discord, console, web");
  if (!kind->accepts(id)) return not_a_sender(text, fmt::format("the id after '{}:' must be {}", name, kind->expected));
  return Sender{std::move(tenant), std::string(name), std::string(id)};
}

std::string sender_digest(const Sender& sender) {
  std::array<std::string_view, 3> parts{sender.tenant, sender.kind, sender.id};
  return to_hex(sha256_parts(parts));
}

std::string conversation_key(const Conversation& conversation) {
  std::string key;
  const Sender& sender = conversation.sender;
  for (const std::string* part :
       {&conversation.channel, &conversation.chat, &conversation.thread, &sender.tenant, &sender.kind, &sender.id}) {
    key.append(std::to_string(part->size())).append(1, ':').append(*part);
  }
  return key;
}

}  // namespace usher
