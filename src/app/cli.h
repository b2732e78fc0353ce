// The command line: which command, with what, and its help.
#pragma once

#include <memory>
#include <string>

#include "config/config.h"

namespace usher::app {

// Prints what is wrong with the configuration; nullptr when it cannot be used.
std::shared_ptr<const config::Config> load_or_complain(const std::string& config_file);

// Returns an ExitStatus.
int run_command_line(int argc, char** argv);

}  // namespace usher::app
