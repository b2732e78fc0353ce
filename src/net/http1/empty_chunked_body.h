// Beast 1.81 asserts when a chunked body is empty and arrives as "0\r\n" and then a single byte (boostorg/beast#2861,
// in a release too). So such a body is not offered to its parser before as many bytes are there as the shortest one
// has: nothing is lost by waiting for them.
#pragma once

#include <string_view>

namespace usher::net {

constexpr std::string_view empty_chunked_body = "0\r\n\r\n";

}  // namespace usher::net
