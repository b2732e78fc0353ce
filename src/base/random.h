// Bytes that nobody can guess, from the kernel. Any thread; throws std::system_error where there is no such source.
#pragma once

#include <span>

namespace usher {

void fill_with_random(std::span<unsigned char> bytes);

}  // namespace usher
