// The command line of run, check and chat.
#include <fmt/format.h>

#include "app/application.h"
#include "app/cli/command_line.h"
#include "app/commands/inspect.h"

namespace usher::app {
namespace {

struct GatewayOptions {
  bool only_running = false;
  std::string acting_as = kTerminal;
};

}  // namespace

void declare_gateway_commands(CommandLine& line) {
  auto options = std::make_shared<GatewayOptions>();
  line.choose(line.add("run", "serve the configured channels until SIGTERM or Ctrl-C"),
              [&line] { return line.with_config([](auto config) { return serve(std::move(config), std::nullopt); }); });

  CLI::App& checking = line.add("check", "validate config.toml: every error with file, line and column");
  line.add_json(checking);
  checking.add_flag("--running", options->only_running,
                    "also fail unless a gateway runs on its data_dir (health checks)");
  line.choose(checking, [&line, options] {
    const CommonOptions& common = line.options();
    return check(config::load(common.config_file, config::environment()), common.as_json, options->only_running);
  });

  CLI::App& chat = line.add("chat", "talk in this terminal as any sender, to see what they see");
  chat.add_option("--as", options->acting_as, fmt::format("{} (default: {})", kSenderHelp, kTerminal));
  line.add_tenant(chat);
  line.choose(chat, [&line, options] {
    return line.with_sender(options->acting_as,
                            [](auto config, Sender sender) { return serve(std::move(config), std::move(sender)); });
  });
}

}  // namespace usher::app
