// The command line of what keeps a gateway running: conversations, backup, restore,
// doctor.
#include <algorithm>

#include "admin/conversations.h"
#include "app/cli/command_line.h"
#include "app/commands/backup.h"
#include "app/commands/conversations.h"
#include "app/commands/doctor.h"

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

void declare_backup(CommandLine& line) {
  auto directory = std::make_shared<std::string>();
  CLI::App& command = line.add("backup", "copy all of data_dir, also while a gateway runs; exit status 0 = complete");
  command.add_option("DIR", *directory, "the folder to make; must not exist, or be empty")->required();
  line.add_json(command);
  line.choose(command, [&line, directory] {
    return line.with_config([&](std::shared_ptr<const config::Config> config) {
      return make_backup(std::move(config), *directory, line.options().as_json);
    });
  });
}

void declare_restore(CommandLine& line) {
  auto options = std::make_shared<RestoreOptions>();
  CLI::App& command = line.add("restore", "put a backup in the place of data_dir, whole or not at all");
  command.add_option("DIR", options->directory, "a folder that `usher backup` has made")->required();
  command.add_flag("--force", options->by_force,
                   "also when data_dir holds something: that is moved aside, never deleted");
  command.add_flag(
      "--accept-lost-rows", options->accepts_lost_rows,
      "also when checkpoints prove rows that the backup does not have: they are moved aside, never deleted");
  line.add_json(command);
  line.choose(command, [&line, options] {
    options->as_json = line.options().as_json;
    return line.with_config(
        [&](const std::shared_ptr<const config::Config>& config) { return restore_backup(*config, *options); });
  });
}

void declare_doctor(CommandLine& line) {
  auto request = std::make_shared<DoctorRequest>();
  CLI::App& command = line.add("doctor", "whether usher can do its work here, and what to do where it cannot");
  command.add_flag("--offline", request->is_offline, "look at nothing beyond this machine");
  line.add_json(command);
  line.choose(command, [&line, request] {
    request->as_json = line.options().as_json;
    return run_doctor(config::load(line.options().config_file, config::environment()), *request);
  });
}

}  // namespace

void declare_operation_commands(CommandLine& line) {
  declare_conversations(line);
  declare_backup(line);
  declare_restore(line);
  declare_doctor(line);
}

}  // namespace usher::app
