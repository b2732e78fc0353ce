// Who is speaking, and where. A sender is (tenant, channel kind, canonical id): equality only, never a username or a
// display name, which are mutable and can be taken over by somebody else.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace usher {

struct Sender {
  std::string tenant;  // "default" for plain [rbac]
  std::string kind;    // "telegram", "discord", "web", "console"
  std::string id;  // canonical: decimal without sign or leading zero (telegram, discord), a name for web and console

  friend auto operator<=>(const Sender&, const Sender&) = default;
};

// "telegram:123": what people write in config.toml and on the command line, without the tenant.
std::string to_string(const Sender& sender);

// Reads "telegram:123", "discord:8035…", "console:local", "web:alice", or a bare number: below 2^53 a Telegram id, from
// there on a Discord snowflake (the ranges do not meet). Refuses usernames, signs, leading zeros, empty parts.
Result<Sender> parse_sender(std::string_view text, std::string tenant);

// 64 hex digits: SHA-256 over the length-prefixed (8-byte big-endian) tenant, kind and id. Names a sender's files.
std::string sender_digest(const Sender& sender);

// One history: (tenant, channel name, chat, thread, sender). In a group every sender has a history of their own.
struct Conversation {
  std::string channel;  // the channel's configured name, unique in the process
  std::string chat;     // the platform's chat id
  std::string thread;   // topic or thread id, "" for none
  Sender sender;

  friend auto operator<=>(const Conversation&, const Conversation&) = default;
};

// A compact unambiguous key for maps and databases (length-prefixed, not for people).
std::string conversation_key(const Conversation& conversation);

}  // namespace usher
