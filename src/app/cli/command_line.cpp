#include "app/cli/command_line.h"

#include <fmt/format.h>

#include <cstdio>
#include <system_error>

#include "app/cli/output.h"
#include "app/exit_status.h"
#include "base/text.h"
#include "config/load.h"

namespace usher::app {
namespace {

// Also where stderr takes nothing, which fmt would throw.
void complain(const std::string& message) { std::fputs(fmt::format("usher: {}\n", message).c_str(), stderr); }

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

CommandLine::CommandLine()
    : app_(
          "usher: one bot for many kinds of people. Finds out who writes, seats them in the room of their role, and "
          "answers with that role's tools, model and limits.\n\nFirst steps: `usher check`, then `usher run`. All of "
          "it is set in config.toml (docs/configuration.md).") {
  app_.require_subcommand(1);
  app_.set_version_flag("--version", "usher " USHER_VERSION);
  app_.footer("Exit status: 0 fine, 1 error, 2 gate tripped, 3 bad configuration.\nEvery command has --help.");
}

CLI::App& CommandLine::add(CLI::App& parent, const char* name, const char* help) {
  CLI::App* command = parent.add_subcommand(name, help);
  command->add_option("-c,--config", options_.config_file, "the configuration file (default: ./config.toml)");
  return *command;
}

CLI::App& CommandLine::add_family(const char* name, const char* help) {
  CLI::App* family = app_.add_subcommand(name, help);
  family->require_subcommand(1);
  return *family;
}

void CommandLine::add_json(CLI::App& command) { command.add_flag("--json", options_.as_json, "print JSON"); }

void CommandLine::add_tenant(CLI::App& command) {
  command.add_option("--tenant", options_.tenant, "the tenant the sender belongs to (default: default)");
}

void CommandLine::add_sender(CLI::App& command) {
  command.add_option("SENDER", options_.sender, kSenderHelp)->required();
  add_tenant(command);
}

void CommandLine::choose(CLI::App& command, std::function<int()> run) {
  command.callback([this, run = std::move(run)] { chosen_ = run; });
}

int CommandLine::with_config(const std::function<int(std::shared_ptr<const config::Config>)>& command) const {
  std::shared_ptr<const config::Config> config = load_or_complain(options_.config_file);
  return config ? command(std::move(config)) : kBadConfiguration;
}

int CommandLine::with_sender(const std::string& who,
                             const std::function<int(std::shared_ptr<const config::Config>, Sender)>& command) const {
  std::shared_ptr<const config::Config> config = load_or_complain(options_.config_file);
  if (!config) return kBadConfiguration;
  Result<Sender> sender = parse_sender(who, options_.tenant.empty() ? "default" : options_.tenant);
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

// What went wrong already, or what was only help.
std::optional<int> CommandLine::parse(int argc, char** argv) {
  try {
    app_.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::RequiredError& error) {
    const std::vector<std::string> unknown = app_.remaining();
    if (unknown.empty()) {
      app_.exit(error);
    } else {
      complain(fmt::format("there is no command '{}'; usher --help lists them", printable(unknown.front())));
    }
    return kError;
  } catch (const CLI::ParseError& error) {
    const int status = app_.exit(error);
    return status == 0 ? kFine : kError;
  }
}

int CommandLine::run(int argc, char** argv) {
  int status = kError;
  int lost = EIO;
  try {
    const std::optional<int> ended = parse(argc, argv);
    status = ended ? *ended : chosen_();
  } catch (const std::system_error& error) {
    lost = error.code().value();  // fmt throws when a full buffer cannot be written
    if (std::ferror(stdout) == 0) complain(error.what());
  } catch (const std::exception& error) {
    complain(error.what());
  }
  const Result<void> written = write_out({}, lost);
  if (written) return status;
  complain(written.error().message);
  return status == kFine ? kError : status;
}

}  // namespace usher::app
