// What people do in the Discord simulator, and what becomes of a message.
#include <algorithm>

#include "base/hash.h"
#include "support/discord/mentions.h"
#include "support/discord/state.h"

namespace usher::testing {
namespace {

const json::value* find_button(const json::array& rows, std::string_view custom_id) {
  for (const json::value& row : rows) {
    const json::array* buttons = array_at(&row, "components");
    for (std::size_t i = 0; buttons && i < buttons->size(); ++i) {
      if (string_at(&(*buttons)[i], "custom_id") == custom_id) return &(*buttons)[i];
    }
  }
  return nullptr;
}

}  // namespace

// ---- what becomes of a message; with the lock held ----

DiscordMessage& DiscordState::publish(DiscordMessage message, bool pings_reply) {
  DiscordMessage& made = world.add_message(std::move(message), pings_reply);
  if (!made.is_ephemeral()) gateway.dispatch("MESSAGE_CREATE", world.show_event(made), made.guild);
  wake();
  return made;
}

void DiscordState::publish_edit(DiscordMessage& message) {
  message.edited = std::max(std::chrono::system_clock::now(), message.created + std::chrono::microseconds(1));
  world.read_mentions(message, false);
  for (DiscordFile& file : message.files) file.id = file.id.empty() ? world.new_id() : file.id;
  if (!message.is_ephemeral()) gateway.dispatch("MESSAGE_UPDATE", world.show_event(message), message.guild);
  wake();
}

void DiscordState::publish_delete(DiscordMessage& message) {
  message.is_deleted = true;
  json::object event{{"id", message.id}, {"channel_id", message.channel}};
  if (!message.guild.empty()) event["guild_id"] = message.guild;
  if (!message.is_ephemeral()) gateway.dispatch("MESSAGE_DELETE", event, message.guild);
  wake();
}

const std::string& DiscordState::channel_or_first(const std::string& channel) const {
  return channel.empty() ? options.channel : channel;
}

// Who acts: a member in a guild, a user elsewhere.
void DiscordState::add_speaker(const DiscordInteraction& interaction, json::object& event) {
  if (interaction.guild.empty()) {
    event["user"] = world.show_user(interaction.user);
    return;
  }
  world.member(interaction.guild, interaction.user);
  json::object member = world.show_member(interaction.guild, interaction.user);
  member["user"] = world.show_user(interaction.user);
  member["permissions"] = "2248473465835073";
  event["member"] = std::move(member);
  event["guild_id"] = interaction.guild;
  event["guild_locale"] = "en-GB";
}

std::string DiscordState::interact(DiscordInteraction interaction, json::object data, bool over_gateway) {
  interaction.id = world.new_id();
  interaction.token = "token-" + to_hex(sha256("interaction " + interaction.id));
  interaction.made = Clock::now();
  const DiscordChannel* channel = world.find_channel(interaction.channel);
  interaction.guild = channel ? channel->guild : "";
  json::object event{{"id", interaction.id},
                     {"application_id", world.application()},
                     {"type", interaction.type},
                     {"token", interaction.token},
                     {"version", 1},
                     {"channel_id", interaction.channel},
                     {"channel", channel ? world.show_channel(*channel) : json::object{}},
                     {"locale", "en-GB"},
                     {"app_permissions", "2248473465835073"},
                     {"entitlements", json::array{}},
                     {"authorizing_integration_owners", json::object{}},
                     {"attachment_size_limit", 10 << 20},
                     {"context", interaction.guild.empty() ? 1 : 0},
                     {"data", std::move(data)}};
  add_speaker(interaction, event);
  const auto pressed = world.messages.find(interaction.pressed);
  if (pressed != world.messages.end()) event["message"] = world.show(pressed->second);
  if (over_gateway) gateway.dispatch("INTERACTION_CREATE", event, interaction.guild);
  interaction.event = std::move(event);
  const std::string id = interaction.id;
  interactions[id] = std::move(interaction);
  wake();
  return id;
}

// ---- people ----

std::string DiscordSimulator::write(DiscordWords words) {
  const std::lock_guard lock(state_->mutex);
  DiscordMessage message;
  message.channel = state_->world.channels.at(state_->channel_or_first(words.channel)).id;
  message.author = words.user;
  message.content = std::move(words.content);
  message.reply_to = words.reply_to;
  message.files = std::move(words.files);
  message.is_bot = words.is_bot;
  message.webhook = words.webhook;
  message.type = words.type == 0 && !words.reply_to.empty() ? 19 : words.type;
  return state_->publish(std::move(message), words.reply_pings).id;
}

std::string DiscordSimulator::guild_message(const std::string& user, const std::string& content) {
  return write({.user = user, .content = content});
}

std::string DiscordSimulator::direct_message(const std::string& user, const std::string& content) {
  return write({.user = user, .content = content, .channel = direct_channel(user)});
}

std::string DiscordSimulator::forum_post(const std::string& user, const std::string& forum,
                                         const std::string& content) {
  const std::string thread = add_thread(forum);
  const std::lock_guard lock(state_->mutex);
  DiscordMessage message;
  message.id = message.channel = thread;
  message.author = user;
  message.content = content;
  return state_->publish(std::move(message), false).id;
}

void DiscordSimulator::edit(const std::string& message, const std::string& content) {
  const std::lock_guard lock(state_->mutex);
  DiscordMessage& found = state_->world.messages.at(message);
  found.earlier.push_back(std::exchange(found.content, content));
  state_->publish_edit(found);
}

void DiscordSimulator::erase(const std::string& message) {
  const std::lock_guard lock(state_->mutex);
  state_->publish_delete(state_->world.messages.at(message));
}

void DiscordSimulator::react(const std::string& user, const std::string& message, const std::string& emoji) {
  const std::lock_guard lock(state_->mutex);
  const DiscordMessage& found = state_->world.messages.at(message);
  json::object event{{"user_id", user},
                     {"channel_id", found.channel},
                     {"message_id", found.id},
                     {"message_author_id", found.author},
                     {"emoji", json::object{{"id", nullptr}, {"name", emoji}}},
                     {"burst", false},
                     {"type", 0}};
  if (!found.guild.empty()) event["guild_id"] = found.guild;
  state_->gateway.dispatch("MESSAGE_REACTION_ADD", event, found.guild);
  state_->wake();
}

std::string DiscordSimulator::command(const DiscordCommand& command) {
  const std::lock_guard lock(state_->mutex);
  std::string id = state_->world.new_id();  // a command that the person's client still remembers
  for (const json::value& known : state_->commands) {
    if (string_at(&known, "name") == command.name) id = *string_at(&known, "id");
  }
  json::object data{{"id", id}, {"name", command.name}, {"type", 1}};
  if (!command.options.empty()) data["options"] = command.options;
  DiscordInteraction interaction;
  interaction.user = command.user;
  interaction.channel = state_->channel_or_first(command.channel);
  return state_->interact(std::move(interaction), std::move(data), command.over_gateway);
}

std::string DiscordSimulator::press(const std::string& user, const std::string& message, const std::string& custom_id) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->world.messages.find(message);
  if (found == state_->world.messages.end() || found->second.is_deleted) return "";
  const json::value* button = find_button(found->second.components, custom_id);
  if (!button || bool_at(button, "disabled").value_or(false)) return "";
  DiscordInteraction interaction;
  interaction.type = 3;
  interaction.user = user;
  interaction.channel = found->second.channel;
  interaction.pressed = message;
  return state_->interact(std::move(interaction), {{"component_type", 2}, {"custom_id", custom_id}, {"id", 2}}, true);
}

json::object DiscordSimulator::interaction(const std::string& id) const {
  const std::lock_guard lock(state_->mutex);
  return state_->interactions.at(id).event;
}

bool DiscordSimulator::take_answer(const std::string& interaction, const std::string& body) {
  const Result<json::value> parsed = parse_json(body);
  if (!parsed || !parsed->is_object()) return false;
  RestRequest request;
  request.body = parsed->as_object();
  const std::lock_guard lock(state_->mutex);
  const bool is_taken = !state_->take_acknowledgement(state_->interactions.at(interaction), request);
  state_->wake();
  return is_taken;
}

void DiscordSimulator::age_message(const std::string& message, std::chrono::seconds by) {
  const std::lock_guard lock(state_->mutex);
  state_->world.messages.at(message).created -= by;
}

void DiscordSimulator::age_interaction(const std::string& interaction, std::chrono::seconds by) {
  const std::lock_guard lock(state_->mutex);
  state_->interactions.at(interaction).made -= by;
}

}  // namespace usher::testing
