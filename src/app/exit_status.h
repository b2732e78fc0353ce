// What usher's commands end with.
#pragma once

namespace usher::app {

enum ExitStatus : int { kFine = 0, kError = 1, kGateTripped = 2, kBadConfiguration = 3 };

}  // namespace usher::app
