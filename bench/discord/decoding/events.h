// What a Discord gateway sends, made up but shaped and sized as the real thing. The same for the same number, always.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace usher::bench {

// The data of a GUILD_CREATE: 50 channels with permissions of three roles each, 30 roles, 50 members, 20 emojis, as a
// guild of some hundreds of people has it. About 50 kB.
json::object sample_guild(int number);

inline constexpr const char* sample_bot = "1000000000000000001";

// So many frames {t, s, op, d}: 1 in 10 a MESSAGE_CREATE (1 in 10 of which mentions sample_bot), the others what a bot
// like usher passes over: PRESENCE_UPDATE 45 %, TYPING_START 30 %, MESSAGE_UPDATE, GUILD_MEMBER_ADD and
// VOICE_STATE_UPDATE 5 % each minus the GUILD_CREATEs, 1 in 500.
std::vector<std::string> sample_frames(std::size_t count);

}  // namespace usher::bench
