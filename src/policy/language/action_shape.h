// The shape of a well-formed action, ^[a-z][a-z0-9_]*:[a-z][a-z0-9_]*:[a-z][a-z0-9_.]*$, as an automaton that a search
// can walk along with; is_action() in policy/policy.h is the same for a text. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

#include "policy/language/alphabet.h"

namespace usher::policy::language {

// `free` asks for no shape.
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

constexpr std::size_t kMaxActionLength = 256;

constexpr bool is_final(ActionShape shape) { return shape == ActionShape::resource || shape == ActionShape::free; }

constexpr ActionShape step(ActionShape shape, ActionCharacter c) {
  using enum ActionShape;
  const bool is_letter = c == ActionCharacter::letter;
  const bool is_word = is_letter || c == ActionCharacter::digit || c == ActionCharacter::underscore;
  const bool is_colon = c == ActionCharacter::colon;
  switch (shape) {
    case begin:
      return is_letter ? domain : broken;
    case domain:
      return is_word ? domain : is_colon ? after_domain : broken;
    case after_domain:
      return is_letter ? operation : broken;
    case operation:
      return is_word ? operation : is_colon ? after_operation : broken;
    case after_operation:
      return is_letter ? resource : broken;
    case resource:
      return is_word || c == ActionCharacter::dot ? resource : broken;
    case free:
      return free;
    case broken:
      return broken;
  }
  return broken;
}

}  // namespace usher::policy::language
