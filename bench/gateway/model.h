// What the simulated people and the simulated model say: every question carries a ticket, "ticket-17", and the answer
// to it carries the same one, so that each can be followed through whatever quotes it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace usher::bench {

inline constexpr std::string_view ticket_mark = "ticket-";

// The number behind the last `name` in `text`; -1 when there is none.
std::int64_t number_after_last(std::string_view text, std::string_view name);

// A streamed answer as OpenAI writes it, with usage.
std::string model_stream(std::int64_t ticket);

}  // namespace usher::bench
