#include "channels/discord/interactions/commands.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"

namespace usher::discord {
namespace {

constexpr int kSlash = 1;       // type of a command
constexpr int kStringType = 3;  // type of an option
constexpr int kInGuild = 0, kInDirectMessage = 1;

struct Command {
  std::string_view name, description;
  std::string_view option, option_description;  // "" = none
  bool is_required = false;                     // the option
  bool is_private = true;
};

constexpr Command kCommands[] = {
    {"ask", "Ask me something", "text", "What you want to know or have done", true, false},
    {"new", "Start a new conversation"},
    {"whoami", "Who you are to me and what you may use"},
    {"usage", "Your limits and what is left of them"},
    {"stop", "Stop the answer I am working on"},
    {"help", "What I understand"},
    {"link", "Join who you are here with who you are on another platform", "code",
     "The code that you were given there; without one you get a code for there"},
    {"unlink", "Undo what /link has joined"},
};

const Command* find(std::string_view name) {
  const auto found = std::ranges::find(kCommands, name, &Command::name);
  return found == std::end(kCommands) ? nullptr : found;
}

json::object definition_of(const Command& command) {
  json::object out{{"type", kSlash},
                   {"name", command.name},
                   {"description", command.description},
                   {"contexts", {kInGuild, kInDirectMessage}}};
  if (command.option.empty()) return out;
  json::array options;
  options.push_back({{"type", kStringType},
                     {"name", command.option},
                     {"description", command.option_description},
                     {"required", command.is_required}});
  out["options"] = std::move(options);
  return out;
}

// What makes two definitions the same, as a text that can be compared.
void append_field(std::string& out, std::string_view text) {
  out.append(std::to_string(text.size())).append(":").append(text);
}

std::string essence_of(const json::value& definition) {
  std::string out = std::to_string(integer_at(&definition, "type").value_or(kSlash));
  append_field(out, string_at(&definition, "name").value_or(""));
  append_field(out, string_at(&definition, "description").value_or(""));
  out += bool_at(&definition, "required").value_or(false) ? "!" : "?";
  std::vector<std::int64_t> contexts;
  if (const json::array* listed = array_at(&definition, "contexts")) {
    for (const json::value& context : *listed) contexts.push_back(context.is_int64() ? context.get_int64() : -1);
  }
  std::ranges::sort(contexts);
  for (const std::int64_t context : contexts) out.append(std::to_string(context)).append(",");
  const json::array* options = array_at(&definition, "options");
  for (std::size_t i = 0; options && i < options->size(); ++i) append_field(out, essence_of((*options)[i]));
  return out;
}

std::vector<std::string> essences_of(const json::array& definitions) {
  std::vector<std::string> out;
  for (const json::value& definition : definitions) out.push_back(essence_of(definition));
  std::ranges::sort(out);
  return out;
}

}  // namespace

json::array command_definitions() {
  json::array all;
  for (const Command& command : kCommands) all.push_back(definition_of(command));
  return all;
}

bool are_registered(const json::value& registered) {
  const json::array* definitions = registered.if_array();
  return definitions && essences_of(*definitions) == essences_of(command_definitions());
}

bool is_command(std::string_view name) { return find(name) != nullptr; }

bool is_private(std::string_view text) {
  if (!text.starts_with('/')) return false;
  const std::string name = lower_ascii(text.substr(1, text.find_first_of(" \t\r\n@") - 1));
  const Command* command = find(name);
  return command && command->is_private;
}

}  // namespace usher::discord
