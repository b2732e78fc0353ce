#include "app/cli.h"

#include "app/cli/command_line.h"

namespace usher::app {

int run_command_line(int argc, char** argv) {
  CommandLine line;
  declare_gateway_commands(line);
  declare_inspection_commands(line);
  declare_operation_commands(line);
  declare_policy_commands(line);
  declare_token_commands(line);
  return line.run(argc, argv);
}

}  // namespace usher::app
