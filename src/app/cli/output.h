// Standard output, where what a command prints may be all that it was run for: lost output is an error. One thread.
#pragma once

#include <cerrno>
#include <string_view>

#include "base/result.h"

namespace usher::app {

// Writes `text` and whatever was printed before it. io: "cannot write to stdout: …"; each loss is answered once.
// `earlier`: the system's number of a loss before this one, where somebody has seen it.
Result<void> write_out(std::string_view text = {}, int earlier = EIO);

// That error, for those who write to the descriptor themselves.
Error output_error(int number);

}  // namespace usher::app
