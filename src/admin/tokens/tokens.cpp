#include "admin/tokens.h"

#include <algorithm>
#include <array>

#include "base/random.h"

namespace usher::admin {
namespace {

constexpr std::array<Scope, 4> kScopes{Scope::read, Scope::operate, Scope::approve, Scope::admin};
constexpr std::string_view kSecretPrefix = "ush_";
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kSecretCharacters = 43;  // of base64url, without padding
// Two machines' clocks, or one that is corrected, may disagree by so much.
constexpr std::chrono::seconds kClockLeeway{60};

std::string random_id() {
  std::array<unsigned char, 8> random{};
  fill_with_random(random);
  return to_hex(random);
}

std::string to_base64url(std::string_view bytes) {
  std::string text = to_base64(bytes);
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

bool is_base64url(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

}  // namespace

const char* to_string(Scope scope) {
  switch (scope) {
    case Scope::read:
      return "read";
    case Scope::operate:
      return "operate";
    case Scope::approve:
      return "approve";
    case Scope::admin:
      break;
  }
  return "admin";
}

std::optional<Scope> parse_scope(std::string_view word) {
  const auto found = std::ranges::find(kScopes, word, [](Scope scope) { return std::string_view(to_string(scope)); });
  if (found == kScopes.end()) return std::nullopt;
  return *found;
}

Scopes::Scopes(std::initializer_list<Scope> scopes) {
  for (Scope scope : scopes) add(scope);
}

bool Scopes::includes(Scope scope) const {
  const int wanted = static_cast<int>(scope) | static_cast<int>(Scope::admin);
  return (bits_ & wanted) != 0;
}

std::string Scopes::words() const {
  std::string words;
  for (Scope scope : kScopes) {
    if ((bits_ & static_cast<std::uint8_t>(scope)) == 0) continue;
    if (!words.empty()) words += ',';
    words += to_string(scope);
  }
  return words;
}

std::optional<Scopes> Scopes::parse(std::string_view words) {
  Scopes scopes;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(','), words.size());
    const std::optional<Scope> scope = parse_scope(words.substr(0, end));
    if (!scope || end + 1 == words.size()) return std::nullopt;
    scopes.add(*scope);
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return scopes;
}

bool Token::is_usable(WallTime now) const {
  return !revoked_at && now < expires_at && created_at <= now + kClockLeeway;
}

std::string make_token_secret() {
  std::array<unsigned char, kSecretBytes> random{};
  fill_with_random(random);
  return std::string(kSecretPrefix) +
         to_base64url(std::string_view(reinterpret_cast<const char*>(random.data()), random.size()));
}

std::string make_jti() { return "tok_" + random_id(); }
std::string make_event_id() { return "evt_" + random_id(); }

bool looks_like_token(std::string_view text) {
  return text.size() == kSecretPrefix.size() + kSecretCharacters && text.starts_with(kSecretPrefix) &&
         std::ranges::all_of(text.substr(kSecretPrefix.size()), is_base64url);
}

}  // namespace usher::admin
