// The command line of policy decide and policy narrow.
#include "app/commands/policy.h"

#include "app/cli/command_line.h"

namespace usher::app {

void declare_policy_commands(CommandLine& line) {
  auto policy_file = std::make_shared<std::string>();
  auto narrow = std::make_shared<NarrowRequest>();
  CLI::App& policy = line.add_family("policy", "try policies out: JSON files, no configuration needed");
  CLI::App* decide = policy.add_subcommand(
      "decide", "read one JSON request a line ({action, resource, sensitivity}), answer one JSON decision a line");
  decide->add_option("--policy", *policy_file, "the policy: a JSON file")->required();
  line.choose(*decide, [policy_file] { return policy_decide(*policy_file); });

  CLI::App* narrowing =
      policy.add_subcommand("narrow", "whether a child's policy is within its parent's; exit status 2 when not");
  narrowing->add_option("--parent", narrow->parent_file, "the parent's policy: a JSON file")->required();
  narrowing->add_option("--child", narrow->child_file, "the child's policy: a JSON file")->required();
  narrowing->add_option("--mode", narrow->mode, "strict: list by list (default) | effective: what is granted")
      ->check(CLI::IsMember({"strict", "effective"}));
  line.add_json(*narrowing);
  line.choose(*narrowing, [&line, narrow] { return policy_narrow(*narrow, line.options().as_json); });
}

}  // namespace usher::app
