// The grammar of an action, `domain:operation:resource`, that is ^[a-z][a-z0-9_]*:[a-z][a-z0-9_]*:[a-z][a-z0-9_.]*$, as
// an automaton: is_action() walks a text along it, the search through languages a whole set of them. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace usher::policy::language {

// What a character is to an action.
enum class ActionCharacter : std::uint8_t { letter, digit, underscore, dot, colon, none };
constexpr std::size_t kActionCharacters = 5;  // without `none`

ActionCharacter action_character(char32_t c);

// Where in an action a text stands. `free` asks for no shape and stays; `broken` is no beginning of an action.
enum class ActionShape : std::uint8_t {
  begin,
  domain,
  after_domain,
  operation,
  after_operation,
  resource,
  free,
  broken
};

ActionShape step(ActionShape shape, ActionCharacter c);
// A whole action, or no shape asked for.
bool is_final(ActionShape shape);

}  // namespace usher::policy::language
