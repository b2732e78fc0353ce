// What an operator can do about a database that is damaged.
#pragma once

#include "base/result.h"

namespace usher::app {

// The error, and where a damaged database is the reason, what to do.
Error with_advice(Error error);

}  // namespace usher::app
