// The commands that look without changing anything: check, explain, roles, usage, memory path. Each prints to stdout,
// as text for people or as JSON, and returns an ExitStatus.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/sender.h"
#include "config/config.h"
#include "config/load.h"

namespace usher::app {

// What was found in loading, the globs that match no tool, and as an error that there is no channel to serve: other
// commands than `usher run` do without one.
std::vector<config::Problem> problems_of(const config::Loaded& loaded);

// `must_run`: an error too unless a gateway runs on its data_dir.
int check(const config::Loaded& loaded, bool as_json, bool must_run);

// Where somebody writes and what they hold there, as the command line says it.
struct Whereabouts {
  std::string chat;    // "telegram:-100…"; "" = a private chat
  std::string parent;  // the channel that a Discord chat is a thread of: "discord:…"; "none" = it is no thread
  std::vector<std::string> discord_roles{};  // ids that the sender shall hold …
  std::string guild{};                       // … in that guild; "" = in one that no assignment names
};

struct ExplainRequest {
  Sender sender;
  Whereabouts where;
  // One question at most: about a tool (and with `arguments` about one call of it), or about an action. "" = not asked.
  std::string tool;
  std::string arguments;  // a JSON object
  std::string action;     // "product:read:catalog"
  std::string resource;   // "" = none
  int sensitivity = 0;    // 0–4
};
// kError with a sentence for a question that cannot be answered: a malformed action, arguments that are no JSON object.
int explain(std::shared_ptr<const config::Config> config, const ExplainRequest& request, bool as_json);

int show_roles(std::shared_ptr<const config::Config> config, bool as_json);

struct UsageFilter {
  std::string sender, role, tenant;  // "" = all
};
// Of a sender who is joined with others: what the person uses.
int show_usage(const std::shared_ptr<const config::Config>& config, const UsageFilter& filter, bool as_json);

int memory_path(std::shared_ptr<const config::Config> config, const Sender& sender, const Whereabouts& where,
                bool as_json);

}  // namespace usher::app
