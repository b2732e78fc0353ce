// Values with a grammar of their own: words from a list, names, senders, URLs.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/text.h"
#include "config/sections/sections.h"

namespace usher::config {
namespace {

const std::vector<std::string> kKinds = {"telegram", "discord", "console", "web"};

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Why a text that is no sender is none; for messages that help.
std::string flaw_of(const Text& text) {
  const std::string_view value = text.value;
  const std::size_t colon = value.find(':');
  const std::string kind(value.substr(0, colon == std::string_view::npos ? 0 : colon));
  const std::string_view id = colon == std::string_view::npos ? value : value.substr(colon + 1);
  const bool has_numbers = kind.empty() || kind == "telegram" || kind == "discord";
  if (!kind.empty() && std::ranges::find(kKinds, kind) == kKinds.end()) {
    return fmt::format("is of no known channel{}", suggestion(kind, kKinds));
  }
  if (id.starts_with('-') && is_digits(id.substr(1))) return "is a chat, not a person; a person's id is positive";
  if (has_numbers && !id.empty() && !is_digits(id)) {
    return "is a username; usernames change hands, so write the numeric id (the person sends /whoami to the bot to see "
           "it)";
  }
  return "is not a sender; write \"telegram:123\", \"discord:123\", \"console:local\", \"web:alice\" or a bare number";
}

bool is_authority(std::string_view authority) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(".-_:[]").contains(c);
  };
  return !authority.empty() && !authority.starts_with(':') && std::ranges::all_of(authority, is_part);
}

bool is_url_path(std::string_view path) {
  return std::ranges::all_of(
      path, [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\\'; });
}

// "host" or "[::1]" of "host:port"; empty when the port is none.
std::string_view host_of(std::string_view authority) {
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.ends_with(']')) return authority;
  const std::string_view port = authority.substr(colon + 1);
  const bool is_port = is_digits(port) && port.size() <= 5 && std::stoi(std::string(port)) <= 65535;
  return is_port ? authority.substr(0, colon) : "";
}

}  // namespace

std::string unknown_word(const Text& text, std::string_view key, const std::vector<std::string>& words) {
  return fmt::format("unknown {} {}; it is one of {}{}", key, quote(text.written), fmt::join(words, ", "),
                     suggestion(text.value, words));
}

std::string unknown_name(std::string_view what, const Text& text, const std::vector<std::string>& known) {
  return fmt::format("unknown {} {}{}", what, quote(text.written), suggestion(text.value, known));
}

std::optional<Sender> read_sender(Problems& problems, const Text& text, const std::string& tenant) {
  Result<Sender> sender = parse_sender(text.value, tenant);
  if (sender && std::ranges::find(kKinds, sender->kind) != kKinds.end()) return std::move(*sender);
  problems.error(text.source, fmt::format("sender {} {}", quote(text.written), flaw_of(text)));
  return std::nullopt;
}

std::optional<std::string> read_url(Problems& problems, const Text& text, std::string_view key, bool carries_secret) {
  const auto refuse = [&](std::string_view why) {
    // The URL is not quoted: what makes it wrong may be a password in it.
    problems.error(text.source, fmt::format("'{}' {}", key, why));
    return std::nullopt;
  };
  std::string_view url = text.value;
  const bool is_encrypted = url.starts_with("https://");
  if (!is_encrypted && !url.starts_with("http://")) return refuse("must start with https:// or http://");
  std::string_view rest = url.substr(url.find("//") + 2);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.contains('@')) return refuse("must not hold a user or password");
  if (rest.find_first_of("?#") != std::string_view::npos) return refuse("must not have a query or fragment");
  const std::string_view host = host_of(authority);
  if (!is_authority(authority) || host.empty() || !is_url_path(rest)) return refuse("is not a valid URL");
  if (carries_secret && !is_encrypted && !is_loopback(host)) {
    problems.warning(text.source, fmt::format("'{}' is plain http: the secret travels unencrypted", key));
  }
  while (url.ends_with('/')) url.remove_suffix(1);
  return std::string(url);
}

}  // namespace usher::config
