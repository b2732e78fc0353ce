// What Discord's close codes mean for a session. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace usher::discord {

// What we close with: any code but 1000 and 1001 leaves a session that can be resumed.
inline constexpr std::uint16_t kLeaveResumable = 4000;

enum class AfterClose {
  resume,    // the session lives: connect and resume it
  identify,  // it is over: connect and begin another
  give_up,   // connecting again cannot help before somebody has changed something
};

// 0 = there was no code.
AfterClose after_close(std::uint16_t code);
// What happened, in a sentence for operators; for a code to give up at also what they have to do.
std::string explain_close(std::uint16_t code);

}  // namespace usher::discord
