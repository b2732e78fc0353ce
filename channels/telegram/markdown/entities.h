// Character references of Markdown ("&amp;", "&#8364;") and the attributes of md4c that may hold them, as UTF-8. Pure.
#pragma once

#include <md4c.h>

#include <string>
#include <string_view>

namespace usher::telegram {

// "&amp;" → "&"; what is not known stays as it was written. `entity` has both its ends, as md4c reports it.
void append_entity(std::string& out, std::string_view entity);

// An address or a fence's info string.
std::string text_of(const MD_ATTRIBUTE& attribute);

}  // namespace usher::telegram
