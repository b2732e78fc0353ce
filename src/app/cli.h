// The command line: which command, with what, and its help.
#pragma once

namespace usher::app {

// Returns an ExitStatus.
int run_command_line(int argc, char** argv);

}  // namespace usher::app
