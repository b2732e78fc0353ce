#include "channels/discord/gateway/close_codes.h"

#include <algorithm>
#include <iterator>

namespace usher::discord {
namespace {

struct Meaning {
  std::uint16_t code;
  AfterClose next;
  const char* words;
};

constexpr Meaning kMeanings[] = {
    {4000, AfterClose::resume, "something went wrong at Discord"},
    {4001, AfterClose::resume, "Discord did not know the opcode"},
    {4002, AfterClose::resume, "Discord could not decode what was sent"},
    {4003, AfterClose::resume, "something was sent before identifying"},
    {4004, AfterClose::give_up,
     "Discord refuses the token: copy it anew from the developer portal (Bot, Reset Token) into the configuration"},
    {4005, AfterClose::resume, "this connection had identified already"},
    {4007, AfterClose::identify, "Discord does not know the place to resume at"},
    {4008, AfterClose::resume, "too much was sent in a minute"},
    {4009, AfterClose::identify, "the session has timed out"},
    {4010, AfterClose::give_up,
     "Discord refuses the number of this shard: leave `shards` out, or correct it, and start again"},
    {4011, AfterClose::give_up, "the bot is in too many guilds for so few shards: leave `shards` out, or raise it"},
    {4012, AfterClose::give_up, "Discord no longer speaks this version of its gateway: update usher"},
    {4013, AfterClose::give_up, "`intents` holds bits that Discord does not know: correct it, or leave it out"},
    {4014, AfterClose::give_up,
     "the bot may not have these intents: turn on MESSAGE CONTENT INTENT in the developer portal (Bot, Privileged "
     "Gateway Intents), or remove it from `intents`"},
};

const Meaning* find(std::uint16_t code) {
  const Meaning* found = std::ranges::find(kMeanings, code, &Meaning::code);
  return found == std::end(kMeanings) ? nullptr : found;
}

}  // namespace

AfterClose after_close(std::uint16_t code) {
  const Meaning* meaning = find(code);
  return meaning ? meaning->next : AfterClose::resume;
}

std::string explain_close(std::uint16_t code) {
  if (code == 0) return "the connection to Discord broke";
  const Meaning* meaning = find(code);
  const std::string number = " (close code " + std::to_string(code) + ")";
  return (meaning ? meaning->words : "Discord closed the connection") + number;
}

}  // namespace usher::discord
