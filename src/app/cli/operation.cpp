// The command line of what keeps a gateway running: conversations.
#include <algorithm>

#include "admin/conversations.h"
#include "app/cli/command_line.h"
#include "app/commands/conversations.h"

namespace usher::app {
namespace {

void declare_conversations(CommandLine& line) {
  auto request = std::make_shared<ConversationsRequest>();
  CLI::App& command = line.add("conversations", "conversations and the state of their messages");
  std::vector<std::string> states(admin::kMessageStates.begin(), admin::kMessageStates.end());
  command.add_option("--state", request->state, "only those in this state")->check(CLI::IsMember(std::move(states)));
  command.add_option("--tenant", request->tenant, "only of this tenant");
  line.add_json(command);
  line.choose(command, [&line, request] {
    return line.with_config([&](std::shared_ptr<const config::Config> config) {
      return show_conversations(std::move(config), *request, line.options().as_json);
    });
  });
}

}  // namespace

void declare_operation_commands(CommandLine& line) { declare_conversations(line); }

}  // namespace usher::app
