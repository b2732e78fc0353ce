// The command line of explain, roles, usage and memory: what only looks.
#include "app/cli/command_line.h"
#include "app/commands/inspect.h"
#include "policy/policy.h"

namespace usher::app {
namespace {

struct ExplainOptions {
  std::string tool, arguments, action, resource;
  int sensitivity = 0;
};

// An empty variable of a script must not look like success.
CLI::Validator not_empty() {
  return {[](const std::string& text) { return text.empty() ? "is empty" : std::string(); }, ""};
}

std::shared_ptr<Whereabouts> add_whereabouts(CLI::App& command, const char* about_chat) {
  auto where = std::make_shared<Whereabouts>();
  CLI::Option* chat = command.add_option("--chat", where->chat, about_chat);
  command
      .add_option("--parent", where->parent, "the channel that a chat of Discord is a thread of: discord:123…, or none")
      ->needs(chat);
  CLI::Option* roles = command.add_option("--discord-role", where->discord_roles,
                                          "as somebody who holds that role, by its id (may be repeated)");
  roles->check(not_empty());
  command.add_option("--guild", where->guild, "the server in which they hold it, by its id")->needs(roles);
  return where;
}

int run_explain(const CommandLine& line, const ExplainOptions& options, const Whereabouts& where) {
  return line.with_sender(line.options().sender, [&](auto config, Sender sender) {
    return explain(std::move(config),
                   {.sender = std::move(sender),
                    .where = where,
                    .tool = options.tool,
                    .arguments = options.arguments,
                    .action = options.action,
                    .resource = options.resource,
                    .sensitivity = options.sensitivity},
                   line.options().as_json);
  });
}

void declare_explain(CommandLine& line) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App& command = line.add("explain", "who a sender is to usher: role, room, tools, limits, and why");
  line.add_sender(command);
  const auto where = add_whereabouts(command, "as in that chat: telegram:-100… (group ceilings apply)");
  CLI::Option* tool = command.add_option("--tool", options->tool, "whether this tool may be called, and why not");
  tool->check(not_empty());
  command
      .add_option("--args", options->arguments, "with these arguments, a JSON object: what the policy says of the call")
      ->needs(tool)
      ->check(not_empty());
  CLI::Option* action =
      command.add_option("--action", options->action, "whether this action is granted: domain:operation:resource");
  action->excludes(tool)->check(not_empty());
  command.add_option("--resource", options->resource, "on this resource (default: none)")->needs(action);
  command.add_option("--sensitivity", options->sensitivity, "at this level (default: 0)")
      ->needs(action)
      ->check(CLI::Range(0, policy::kMaxSensitivity));
  line.add_json(command);
  line.choose(command, [&line, options, where] { return run_explain(line, *options, *where); });
}

void declare_roles(CommandLine& line) {
  CLI::App& roles = line.add("roles", "every tenant's roles and tools: who may use what, and the reason for every no");
  line.add_json(roles);
  line.choose(roles, [&line] {
    return line.with_config([&](std::shared_ptr<const config::Config> config) {
      return show_roles(std::move(config), line.options().as_json);
    });
  });
}

void declare_usage(CommandLine& line) {
  auto filter = std::make_shared<UsageFilter>();
  CLI::App& usage = line.add("usage", "what was spent today and what is left");
  usage.add_option("--sender", filter->sender, "only this sender (telegram:123)");
  usage.add_option("--role", filter->role, "only this role");
  usage.add_option("--tenant", filter->tenant, "only this tenant");
  line.add_json(usage);
  line.choose(usage, [&line, filter] {
    return line.with_config([&](std::shared_ptr<const config::Config> config) {
      return show_usage(config, *filter, line.options().as_json);
    });
  });
}

void declare_memory(CommandLine& line) {
  CLI::App& memory = line.add_family("memory", "a sender's memory");
  CLI::App& path = line.add(memory, "path", "print the file that holds a sender's memory");
  line.add_sender(path);
  const auto where = add_whereabouts(path, "as in that chat (a group ceiling has its own workspace)");
  line.add_json(path);
  line.choose(path, [&line, where] {
    const CommonOptions& common = line.options();
    return line.with_sender(common.sender, [&](auto config, Sender sender) {
      return memory_path(std::move(config), sender, *where, common.as_json);
    });
  });
}

}  // namespace

void declare_inspection_commands(CommandLine& line) {
  declare_explain(line);
  declare_roles(line);
  declare_usage(line);
  declare_memory(line);
}

}  // namespace usher::app
