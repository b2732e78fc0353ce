// Commands, the acknowledgement of interactions, and what follows it.
#include <algorithm>

#include "support/discord/state.h"

namespace usher::testing {
namespace {

constexpr std::int64_t kEphemeral = 64;
constexpr std::size_t kMaxCommands = 100;

enum AckType { kMessage = 4, kDeferred = 5, kDeferredUpdate = 6, kUpdate = 7 };

bool is_command_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

// What is wrong with a command or an option of one, or "".
std::string command_fault(const json::value& command) {
  if (!is_command_name(string_at(&command, "name").value_or(""))) return "name: must match [-_a-z0-9]{1,32}";
  const std::size_t description = string_at(&command, "description").value_or("").size();
  if (description == 0 || description > 100) return "description: must have 1 to 100 characters";
  const json::array* options = array_at(&command, "options");
  bool was_optional = false;
  for (std::size_t i = 0; options && i < options->size(); ++i) {
    const json::value& option = (*options)[i];
    if (std::string fault = command_fault(option); !fault.empty()) return "options: " + fault;
    const std::int64_t type = integer_at(&option, "type").value_or(0);
    if (type < 1 || type > 11) return "options: type must be 1 to 11";
    const bool is_required = bool_at(&option, "required").value_or(false);
    if (is_required && was_optional) return "options: required ones come first";
    was_optional = !is_required;
  }
  return options && options->size() > 25 ? "options: at most 25" : "";
}

RestRequest with_body(const RestRequest& request, json::object body) {
  RestRequest out = request;
  out.body = std::move(body);
  return out;
}

}  // namespace

HttpReply DiscordState::get_commands(const RestRequest& request) {
  if (request.ids.at("application") != world.application()) return rest_error(403, 20012, "Not authorized");
  return rest_ok(commands);
}

HttpReply DiscordState::put_commands(const RestRequest& request) {
  if (request.ids.at("application") != world.application()) return rest_error(403, 20012, "Not authorized");
  if (request.list.size() > kMaxCommands) return rest_error(400, 30032, "Maximum number of application commands");
  json::array made;
  for (const json::value& command : request.list) {
    const bool is_slash = integer_at(&command, "type").value_or(1) == 1;
    if (const std::string fault = is_slash ? command_fault(command) : ""; !fault.empty()) {
      return rest_invalid("commands", fault);
    }
    json::object out = command.as_object();
    const auto same = std::find_if(commands.begin(), commands.end(), [&](const json::value& old) {
      return string_at(&old, "name") == string_at(&command, "name");
    });
    out["id"] = same == commands.end() ? json::value(world.new_id()) : same->at("id");
    out["application_id"] = world.application();
    out["version"] = world.new_id();
    for (const char* name : {"default_member_permissions", "name_localizations", "description_localizations"}) {
      if (!out.contains(name)) out[name] = nullptr;
    }
    if (!out.contains("type")) out["type"] = 1;
    if (!out.contains("nsfw")) out["nsfw"] = false;
    made.push_back(std::move(out));
  }
  commands = made;
  return rest_ok(made);
}

// ---- acknowledgements ----

std::optional<HttpReply> DiscordState::take_acknowledgement(DiscordInteraction& interaction,
                                                            const RestRequest& request) {
  const auto delay = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - interaction.made);
  if (interaction.acknowledged != 0) {
    return rest_error(400, 40060, "Interaction has already been acknowledged.");
  }
  if (delay > options.acknowledge_within) return rest_error(404, 10062, "Unknown interaction");
  const json::value holder(request.body);
  const int type = static_cast<int>(integer_at(&holder, "type").value_or(0));
  const bool is_update = type == kDeferredUpdate || type == kUpdate;
  if (type < kMessage || type > kUpdate || (is_update && interaction.type != 3)) {
    return rest_invalid("type", "This interaction cannot be answered so.");
  }
  if (std::optional<HttpReply> refusal = apply_acknowledgement(interaction, type, request)) return refusal;
  interaction.acknowledged = type;
  const json::object* data = object_at(&holder, "data");
  acknowledgements.push_back({interaction.id, type, delay, data ? *data : json::object{}});
  return std::nullopt;
}

std::optional<HttpReply> DiscordState::apply_acknowledgement(DiscordInteraction& interaction, int type,
                                                             const RestRequest& request) {
  const json::value holder(request.body);
  const json::object* data = object_at(&holder, "data");
  const RestRequest inner = with_body(request, data ? *data : json::object{});
  if (type == kDeferredUpdate || type == kUpdate) {
    DiscordMessage* pressed = world.find_message(interaction.channel, interaction.pressed);
    if (!pressed) return rest_error(404, 10008, "Unknown Message");
    interaction.original = pressed->id;
    if (type == kDeferredUpdate) return std::nullopt;
    const HttpReply reply = edit(*pressed, inner);
    return reply.status == 200 ? std::nullopt : std::optional(reply);
  }
  DiscordMessage message;
  message.channel = interaction.channel;
  message.interaction = interaction.id;
  message.type = interaction.type == 2 ? 20 : 0;
  if (type == kDeferred) {
    message.author = world.bot();
    message.is_bot = message.is_loading = true;
    const json::value inner_holder(inner.body);
    message.flags = 1 << 7 | (integer_at(&inner_holder, "flags").value_or(0) & kEphemeral);
  } else if (std::optional<HttpReply> refusal = read_message(inner, message, false)) {
    return refusal;
  }
  interaction.original = publish(std::move(message), false).id;
  return std::nullopt;
}

HttpReply DiscordState::acknowledge(const RestRequest& request) {
  const auto found = interactions.find(request.ids.at("interaction"));
  if (found == interactions.end() || found->second.token != request.ids.at("token")) {
    return rest_error(404, 10062, "Unknown interaction");
  }
  DiscordInteraction& interaction = found->second;
  if (std::optional<HttpReply> refusal = take_acknowledgement(interaction, request)) return *refusal;
  if (request.query.find("with_response=true") == std::string::npos) return rest_none();
  const DiscordMessage* original = world.find_message(interaction.channel, interaction.original);
  return rest_ok(json::object{
      {"interaction", json::object{{"id", interaction.id},
                                   {"type", interaction.type},
                                   {"response_message_id", interaction.original},
                                   {"response_message_loading", original && original->is_loading},
                                   {"response_message_ephemeral", original && original->is_ephemeral()}}},
      {"resource", json::object{{"type", interaction.acknowledged},
                                {"message", original ? json::value(world.show(*original)) : json::value(nullptr)}}}});
}

// ---- what follows ----

// Sets `interaction`, or answers why the token opens nothing.
std::optional<HttpReply> DiscordState::check_token(const RestRequest& request, DiscordInteraction*& interaction) {
  const auto found = std::find_if(interactions.begin(), interactions.end(),
                                  [&](const auto& entry) { return entry.second.token == request.ids.at("token"); });
  const bool is_ours = request.ids.at("application") == world.application();
  if (found == interactions.end() || !is_ours || found->second.acknowledged == 0) {
    return rest_error(404, 10015, "Unknown Webhook");
  }
  if (Clock::now() - found->second.made > options.interaction_life) {
    return rest_error(401, 50027, "Invalid Webhook Token");
  }
  interaction = &found->second;
  return std::nullopt;
}

DiscordMessage* DiscordState::follow_up_of(const DiscordInteraction& interaction, const std::string& id) {
  DiscordMessage* message = world.find_message(interaction.channel, id == "@original" ? interaction.original : id);
  const bool is_its_own = message && (message->interaction == interaction.id || message->id == interaction.original);
  return is_its_own ? message : nullptr;
}

HttpReply DiscordState::follow_up(const RestRequest& request) {
  DiscordInteraction* interaction = nullptr;
  if (std::optional<HttpReply> refusal = check_token(request, interaction)) return *refusal;
  // Directly after a deferral this is what it was before edits existed: it fills in the loading message.
  DiscordMessage* original = follow_up_of(*interaction, "@original");
  if (original && original->is_loading) return edit(*original, request);
  DiscordMessage message;
  message.channel = interaction->channel;
  message.interaction = interaction->id;
  if (std::optional<HttpReply> refusal = read_message(request, message, false)) return *refusal;
  return rest_ok(world.show(publish(std::move(message), false)));
}

HttpReply DiscordState::edit_follow_up(const RestRequest& request) {
  DiscordInteraction* interaction = nullptr;
  if (std::optional<HttpReply> refusal = check_token(request, interaction)) return *refusal;
  DiscordMessage* message = follow_up_of(*interaction, request.ids.at("message"));
  return message ? edit(*message, request) : rest_error(404, 10008, "Unknown Message");
}

HttpReply DiscordState::get_follow_up(const RestRequest& request) {
  DiscordInteraction* interaction = nullptr;
  if (std::optional<HttpReply> refusal = check_token(request, interaction)) return *refusal;
  const DiscordMessage* message = follow_up_of(*interaction, request.ids.at("message"));
  return message ? rest_ok(world.show(*message)) : rest_error(404, 10008, "Unknown Message");
}

HttpReply DiscordState::delete_follow_up(const RestRequest& request) {
  DiscordInteraction* interaction = nullptr;
  if (std::optional<HttpReply> refusal = check_token(request, interaction)) return *refusal;
  DiscordMessage* message = follow_up_of(*interaction, request.ids.at("message"));
  if (!message) return rest_error(404, 10008, "Unknown Message");
  publish_delete(*message);
  return rest_none();
}

}  // namespace usher::testing
