// What usher's command families declare themselves with, and what they share: the configuration, senders, --json. Lives
// while one command line is read and run; one thread.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/sender.h"
#include "config/config.h"

namespace usher::app {

constexpr const char* kTerminal = "console:local";
constexpr const char* kSenderHelp = "telegram:123, discord:8035…, console:local, or a bare id";

// Options that several commands have. A command reads those that it has declared.
struct CommonOptions {
  std::string config_file = "./config.toml";
  std::string sender, tenant;
  bool as_json = false;
};

// Prints what is wrong with the configuration; nullptr when it cannot be used.
std::shared_ptr<const config::Config> load_or_complain(const std::string& config_file);

class CommandLine {
 public:
  CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  CLI::App& app() { return app_; }
  CommonOptions& options() { return options_; }
  const CommonOptions& options() const { return options_; }

  // A command with --config.
  CLI::App& add(CLI::App& parent, const char* name, const char* help);
  CLI::App& add(const char* name, const char* help) { return add(app_, name, help); }
  // A command that only has commands.
  CLI::App& add_family(const char* name, const char* help);
  void add_json(CLI::App& command);
  void add_tenant(CLI::App& command);
  void add_sender(CLI::App& command);
  // What the command does; returns an ExitStatus.
  void choose(CLI::App& command, std::function<int()> run);
  // That of the command that was named.
  void choose(std::function<int()> run) { chosen_ = std::move(run); }

  // kBadConfiguration when there is no usable one.
  int with_config(const std::function<int(std::shared_ptr<const config::Config>)>& command) const;
  // `who` as a sender of a tenant that exists, else kError.
  int with_sender(const std::string& who,
                  const std::function<int(std::shared_ptr<const config::Config>, Sender)>& command) const;

  // Returns an ExitStatus: kFine only when what was printed has been written too.
  int run(int argc, char** argv);

 private:
  std::optional<int> parse(int argc, char** argv);

  CLI::App app_;
  CommonOptions options_;
  std::function<int()> chosen_;
};

// The families, in the order of the help. Each keeps its options as long as the command line.
void declare_gateway_commands(CommandLine& line);     // run, check, chat
void declare_inspection_commands(CommandLine& line);  // explain, roles, usage, memory
void declare_operation_commands(CommandLine& line);   // conversations, backup, restore, doctor
void declare_policy_commands(CommandLine& line);
void declare_token_commands(CommandLine& line);

}  // namespace usher::app
