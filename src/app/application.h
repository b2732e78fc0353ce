// The composition root of a running gateway: builds every part top-down from the Config, runs it, and takes it down.
#pragma once

#include <memory>
#include <optional>

#include "base/sender.h"
#include "config/config.h"

namespace usher::app {

// Serves the configured channels until SIGTERM or SIGINT, or, where the console is the only channel, until its input
// ends. `acting_as`: only the console, speaking as that sender (`usher chat --as`). Returns an ExitStatus.
int serve(std::shared_ptr<const config::Config> config, std::optional<Sender> acting_as);

}  // namespace usher::app
