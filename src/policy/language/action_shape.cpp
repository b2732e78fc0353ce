#include "policy/language/action_shape.h"

namespace usher::policy::language {

ActionCharacter action_character(char32_t c) {
  if (c >= U'a' && c <= U'z') return ActionCharacter::letter;
  if (c >= U'0' && c <= U'9') return ActionCharacter::digit;
  if (c == U'_') return ActionCharacter::underscore;
  if (c == U'.') return ActionCharacter::dot;
  return c == U':' ? ActionCharacter::colon : ActionCharacter::none;
}

ActionShape step(ActionShape shape, ActionCharacter c) {
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

bool is_final(ActionShape shape) { return shape == ActionShape::resource || shape == ActionShape::free; }

}  // namespace usher::policy::language
