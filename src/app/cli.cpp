#include "app/cli.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>

#include "app/application.h"
#include "app/commands/audit/commands.h"
#include "app/commands/inspect.h"
#include "app/commands/policy.h"
#include "app/commands/token.h"
#include "app/exit_status.h"
#include "base/text.h"

namespace usher::app {
namespace {

constexpr const char* kTerminal = "console:local";
constexpr const char* kSenderHelp = "telegram:123, discord:8035…, console:local, or a bare id";

struct Options {
  std::string config_file = "./config.toml";
  std::string sender, chat, tool, role;
  std::string arguments, action, resource;  // of explain
  int sensitivity = 0;
  std::string policy_file;
  NarrowRequest narrow;
  TokenRequest token;
  std::string jti;
  bool with_unusable = false;
  std::string acting_as = kTerminal;
  std::string tenant;
  bool as_json = false;
  bool only_running = false;
};

void complain(const std::string& message) { fmt::print(stderr, "usher: {}\n", message); }

std::shared_ptr<const config::Config> load_or_complain(const Options& options) {
  return app::load_or_complain(options.config_file);
}

std::string tenant_or_default(const Options& options) { return options.tenant.empty() ? "default" : options.tenant; }

int with_sender(const Options& options, const std::string& who,
                const std::function<int(std::shared_ptr<const config::Config>, Sender)>& command) {
  std::shared_ptr<const config::Config> config = load_or_complain(options);
  if (!config) return kBadConfiguration;
  Result<Sender> sender = parse_sender(who, tenant_or_default(options));
  if (!sender) {
    complain(sender.error().message);
    return kError;
  }
  if (!config->tenants.contains(sender->tenant)) {
    complain(fmt::format("there is no tenant '{}' in {}", sender->tenant, config->file.string()));
    return kError;
  }
  return command(std::move(config), std::move(*sender));
}

int run_gateway(const Options& options) {
  std::shared_ptr<const config::Config> config = load_or_complain(options);
  return config ? serve(std::move(config), std::nullopt) : kBadConfiguration;
}

int run_check(const Options& options) {
  return check(config::load(options.config_file, config::environment()), options.as_json, options.only_running);
}

int run_chat(const Options& options) {
  return with_sender(options, options.acting_as,
                     [](auto config, Sender sender) { return serve(std::move(config), std::move(sender)); });
}

int run_explain(const Options& options) {
  return with_sender(options, options.sender, [&](auto config, Sender sender) {
    return explain(std::move(config),
                   {.sender = std::move(sender),
                    .chat = options.chat,
                    .tool = options.tool,
                    .arguments = options.arguments,
                    .action = options.action,
                    .resource = options.resource,
                    .sensitivity = options.sensitivity},
                   options.as_json);
  });
}

int run_roles(const Options& options) {
  std::shared_ptr<const config::Config> config = load_or_complain(options);
  return config ? show_roles(std::move(config), options.as_json) : kBadConfiguration;
}

int run_usage(const Options& options) {
  std::shared_ptr<const config::Config> config = load_or_complain(options);
  if (!config) return kBadConfiguration;
  return show_usage(*config, {.sender = options.sender, .role = options.role, .tenant = options.tenant},
                    options.as_json);
}

int run_memory_path(const Options& options) {
  return with_sender(options, options.sender, [&](auto config, Sender sender) {
    return memory_path(std::move(config), sender, options.chat, options.as_json);
  });
}

int with_config(const Options& options, const std::function<int(const config::Config&)>& command) {
  const std::shared_ptr<const config::Config> config = load_or_complain(options);
  return config ? command(*config) : kBadConfiguration;
}

int run_policy_decide(const Options& options) { return policy_decide(options.policy_file); }

int run_policy_narrow(const Options& options) { return policy_narrow(options.narrow, options.as_json); }

int run_token_create(const Options& options) {
  return with_config(
      options, [&](const config::Config& config) { return create_token(config, options.token, options.as_json); });
}

int run_token_list(const Options& options) {
  return with_config(options, [&](const config::Config& config) {
    return list_tokens(config, options.token.tenant, options.with_unusable, options.as_json);
  });
}

int run_token_revoke(const Options& options) {
  return with_config(options,
                     [&](const config::Config& config) { return revoke_token(config, options.jti, options.as_json); });
}

void add_tenant(CLI::App& command, Options& options) {
  command.add_option("--tenant", options.tenant, "the tenant the sender belongs to (default: default)");
}

void add_sender(CLI::App& command, Options& options) {
  command.add_option("SENDER", options.sender, kSenderHelp)->required();
  add_tenant(command, options);
}

void add_json(CLI::App& command, Options& options) { command.add_flag("--json", options.as_json, "print JSON"); }

CLI::App& add_command(CLI::App& parent, Options& options, const char* name, const char* help) {
  CLI::App* command = parent.add_subcommand(name, help);
  command->add_option("-c,--config", options.config_file, "the configuration file (default: ./config.toml)");
  return *command;
}

using Choose = std::function<void(CLI::App& command, int (*run)(const Options&))>;

void add_explain(CLI::App& app, Options& options, const Choose& choose) {
  CLI::App& explain =
      add_command(app, options, "explain", "who a sender is to usher: role, room, tools, limits, and why");
  add_sender(explain, options);
  explain.add_option("--chat", options.chat, "as in that chat: telegram:-100… (group ceilings apply)");
  // An empty variable of a script must not look like success.
  const CLI::Validator not_empty([](const std::string& text) { return text.empty() ? "is empty" : std::string(); }, "");
  CLI::Option* tool = explain.add_option("--tool", options.tool, "whether this tool may be called, and why not");
  tool->check(not_empty);
  explain
      .add_option("--args", options.arguments, "with these arguments, a JSON object: what the policy says of the call")
      ->needs(tool)
      ->check(not_empty);
  CLI::Option* action =
      explain.add_option("--action", options.action, "whether this action is granted: domain:operation:resource");
  action->excludes(tool)->check(not_empty);
  explain.add_option("--resource", options.resource, "on this resource (default: none)")->needs(action);
  explain.add_option("--sensitivity", options.sensitivity, "at this level (default: 0)")
      ->needs(action)
      ->check(CLI::Range(0, policy::kMaxSensitivity));
  add_json(explain, options);
  choose(explain, run_explain);
}

void add_policy_commands(CLI::App& app, Options& options, const Choose& choose) {
  CLI::App* policy = app.add_subcommand("policy", "try policies out: JSON files, no configuration needed");
  policy->require_subcommand(1);
  CLI::App* decide = policy->add_subcommand(
      "decide", "read one JSON request a line ({action, resource, sensitivity}), answer one JSON decision a line");
  decide->add_option("--policy", options.policy_file, "the policy: a JSON file")->required();
  choose(*decide, run_policy_decide);
  CLI::App* narrow =
      policy->add_subcommand("narrow", "whether a child's policy is within its parent's; exit status 2 when not");
  narrow->add_option("--parent", options.narrow.parent_file, "the parent's policy: a JSON file")->required();
  narrow->add_option("--child", options.narrow.child_file, "the child's policy: a JSON file")->required();
  narrow->add_option("--mode", options.narrow.mode, "strict: list by list (default) | effective: what is granted")
      ->check(CLI::IsMember({"strict", "effective"}));
  add_json(*narrow, options);
  choose(*narrow, run_policy_narrow);
}

void add_token_commands(CLI::App& app, Options& options, const Choose& choose) {
  CLI::App* token = app.add_subcommand("token", "bearer tokens of the HTTP API");
  token->require_subcommand(1);
  CLI::App& create = add_command(*token, options, "create", "make a token for an operator; it is shown once");
  create.add_option("--name", options.token.name, "whose it is, for people")->required();
  create.add_option("--scope", options.token.scopes, "read, operate, approve or admin; several: --scope read,approve")
      ->required()
      ->delimiter(',');
  create.add_option("--tenant", options.token.tenant, "only for this tenant (default: all)");
  create.add_option("--expires", options.token.lifetime, "how long it lives: 90d (default), 12h, 30m, …");
  add_json(create, options);
  choose(create, run_token_create);
  CLI::App& list = add_command(*token, options, "list", "all tokens that can be used, without their secrets");
  list.add_option("--tenant", options.token.tenant, "only of this tenant");
  list.add_flag("--all", options.with_unusable, "expired and revoked ones too");
  add_json(list, options);
  choose(list, run_token_list);
  CLI::App& revoke = add_command(*token, options, "revoke", "revoke a token and every one that was made from it");
  revoke.add_option("JTI", options.jti, "its name: tok_…")->required();
  add_json(revoke, options);
  choose(revoke, run_token_revoke);
}

}  // namespace

std::shared_ptr<const config::Config> load_or_complain(const std::string& config_file) {
  config::Loaded loaded = config::load(config_file, config::environment());
  std::size_t errors = 0;
  for (const config::Problem& problem : loaded.problems) {
    fmt::print(stderr, "{}\n", config::to_string(problem));
    errors += problem.is_warning ? 0 : 1;
  }
  if (!loaded.config) {
    complain(fmt::format("{} error{} in the configuration; nothing was started", errors, errors == 1 ? "" : "s"));
  }
  return loaded.config;
}

int run_command_line(int argc, char** argv) {
  CLI::App app{
      "usher: one bot for many kinds of people. Finds out who writes, seats them in the room of their role, and "
      "answers "
      "with that role's tools, model and limits.\n\nFirst steps: `usher check`, then `usher run`. All of it is set in "
      "config.toml (docs/configuration.md)."};
  app.require_subcommand(1);
  app.set_version_flag("--version", "usher " USHER_VERSION);
  app.footer("Exit status: 0 fine, 1 error, 2 gate tripped, 3 bad configuration.\nEvery command has --help.");

  Options options;
  std::function<int(const Options&)> chosen;
  const Choose choose = [&](CLI::App& command, int (*run)(const Options&)) {
    command.callback([&chosen, run] { chosen = run; });
  };

  choose(add_command(app, options, "run", "serve the configured channels until SIGTERM or Ctrl-C"), run_gateway);

  CLI::App& check = add_command(app, options, "check", "validate config.toml: every error with file, line and column");
  add_json(check, options);
  check.add_flag("--running", options.only_running, "also fail unless a gateway runs on its data_dir (health checks)");
  choose(check, run_check);

  CLI::App& chat = add_command(app, options, "chat", "talk in this terminal as any sender, to see what they see");
  chat.add_option("--as", options.acting_as, fmt::format("{} (default: {})", kSenderHelp, kTerminal));
  add_tenant(chat, options);
  choose(chat, run_chat);

  add_explain(app, options, choose);

  CLI::App& roles = add_command(app, options, "roles",
                                "every tenant's roles and tools: who may use what, and the reason for every no");
  add_json(roles, options);
  choose(roles, run_roles);

  CLI::App& usage = add_command(app, options, "usage", "what was spent today and what is left");
  usage.add_option("--sender", options.sender, "only this sender (telegram:123)");
  usage.add_option("--role", options.role, "only this role");
  usage.add_option("--tenant", options.tenant, "only this tenant");
  add_json(usage, options);
  choose(usage, run_usage);

  CLI::App* memory = app.add_subcommand("memory", "a sender's memory");
  memory->require_subcommand(1);
  CLI::App& path = add_command(*memory, options, "path", "print the file that holds a sender's memory");
  add_sender(path, options);
  path.add_option("--chat", options.chat, "as in that chat (a group ceiling has its own workspace)");
  add_json(path, options);
  choose(path, run_memory_path);

  add_policy_commands(app, options, choose);
  add_token_commands(app, options, choose);
  add_audit_commands(
      app, [&](std::function<int()> run) { chosen = [run = std::move(run)](const Options&) { return run(); }; });

  try {
    app.parse(argc, argv);
  } catch (const CLI::RequiredError& error) {
    const std::vector<std::string> unknown = app.remaining();
    if (unknown.empty()) {
      app.exit(error);
    } else {
      complain(fmt::format("there is no command '{}'; usher --help lists them", printable(unknown.front())));
    }
    return kError;
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    return status == 0 ? kFine : kError;
  }
  try {
    return chosen(options);
  } catch (const std::exception& error) {
    complain(error.what());
    return kError;
  }
}

}  // namespace usher::app
