#include "app/cli.h"

#include "app/cli/command_line.h"
#include "app/commands/audit/commands.h"
#include "app/descriptors.h"
#include "app/exit_status.h"

namespace usher::app {

int run_command_line(int argc, char** argv) {
  if (!occupy_standard_descriptors()) return kError;
  CommandLine line;
  declare_gateway_commands(line);
  declare_inspection_commands(line);
  declare_operation_commands(line);
  declare_policy_commands(line);
  declare_token_commands(line);
  add_audit_commands(line.app(), [&line](std::function<int()> run) { line.choose(std::move(run)); });
  return line.run(argc, argv);
}

}  // namespace usher::app
