#include "e2e/discord/crash/discord_stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ranges>

namespace usher::e2e::crash {
namespace {

const std::string edit_response = "PATCH /webhooks/:application/:token/messages/:message";
const std::string kSays = "say:";  // a button's id begins so; what it says stands behind
constexpr const char* kSecondToken = "MTAwMDAwMDAwMDAwMDAwMDAwOQ.Gcrash.usher-simulator-token-of-second";

std::int64_t number_in(std::string_view id) {
  std::int64_t number = 0;
  std::from_chars(id.data(), id.data() + id.size(), number);
  return number;
}

}  // namespace

DiscordSimulatorOptions DiscordPlatform::options(const std::string& token) {
  DiscordSimulatorOptions options = DiscordWorld::quick();
  options.token = token;
  options.watch = [this](const std::string& route, const json::object&, const HttpReply* reply) {
    const bool is_reply = route == create_message || route == edit_message || route == edit_response;
    if (is_reply && reply && reply->status == 200) note_reply(*reply);
    recorder_.passed();
  };
  return options;
}

void DiscordPlatform::attach(DiscordSimulator& discord) {
  discord_ = &discord;
  recorder_.add(bot_, *this);
}

Platform::Written DiscordPlatform::write(const Person& person, const std::string& text, Writing::Form form) {
  std::int64_t id = number_in(interact(person, text, form));
  if (id != 0) {
    interactions_.insert(id);
  } else {
    DiscordWords words{.user = std::to_string(person.id), .content = text, .channel = chat_of(person)};
    if (form == Writing::Form::picture) words.files.push_back({"picture.png", "image/png", kPicture, ""});
    id = number_in(discord_->write(std::move(words)));
  }
  return {.update_id = id, .message_id = id};
}

std::string DiscordPlatform::interact(const Person& person, const std::string& text, Writing::Form form) {
  const bool is_command = text.starts_with('/');
  if (form == Writing::Form::button && is_command) return press(person, text);
  if (form != Writing::Form::slash) return "";
  DiscordCommand command{.user = std::to_string(person.id), .channel = chat_of(person)};
  command.name = is_command ? text.substr(1) : "ask";
  if (!is_command) command.options.push_back({{"name", "text"}, {"type", 3}, {"value", text}});
  return discord_->command(command);
}

// The newest button in that chat which says so; "" when there is none.
std::string DiscordPlatform::press(const Person& person, const std::string& text) {
  std::string pressed;
  for (const DiscordMessage& message : discord_->sent() | std::views::reverse) {
    if (message.channel == chat_of(person) && !message.components.empty()) {
      pressed = discord_->press(std::to_string(person.id), message.id, kSays + text);
    }
    if (!pressed.empty()) break;
  }
  return pressed;
}

bool DiscordPlatform::is_closed(std::int64_t update_id) const {
  const std::vector<DiscordAck> all = discord_->acknowledgements();
  const std::string id = std::to_string(update_id);
  return interactions_.contains(update_id) &&
         std::ranges::none_of(all, [&](const DiscordAck& ack) { return ack.interaction == id; });
}

void DiscordPlatform::refuse_reply(std::uint64_t choice) {
  static constexpr const char* kScopes[] = {"user", "shared", "global"};
  const std::string* routes[] = {&create_message, &create_message, &edit_message, &edit_response};
  discord_->too_many(*routes[choice % std::size(routes)], kScopes[choice % std::size(kScopes)],
                     0.05 + 0.05 * static_cast<double>(choice % 5));
}

std::string DiscordPlatform::chat_of(const Person& person) const {
  return person.group != 0 ? discord_->options().channel : discord_->direct_channel(std::to_string(person.id));
}

bool DiscordPlatform::is_listening() const {
  const std::vector<GatewayConnection> all = discord_->connections();
  // That usher has read READY shows in what it asks next. Before that it knows of no session to come back to, and what
  // is written while it is down is, as at Discord, not told to anybody.
  const bool knows_its_session = discord_->count("GET /applications/:application/commands") > 0;
  return knows_its_session && all.size() > connections_before_ && all.back().is_open && !all.back().session.empty();
}

// A create whose nonce is known makes nothing: it names the message that stands there.
void DiscordPlatform::note_reply(const HttpReply& reply) {
  const Result<json::value> message = parse_json(reply.body);
  if (!message) return;
  const auto text_of = [&](const json::value* in, std::string_view name) {
    return std::string(string_at(in, name).value_or(""));
  };
  recorder_.arrived(bot_, {.id = text_of(&*message, "id"),
                           .chat = text_of(&*message, "channel_id"),
                           .quoted = answered_by(*message),
                           .text = text_of(&*message, "content"),
                           .is_answer_lost = reply.reset});
}

// Which message it quotes, or which interaction it answers: that does not stand in the message itself.
std::int64_t DiscordPlatform::answered_by(const json::value& message) const {
  const auto quoted = string_at(member(&message, "message_reference"), "message_id");
  if (quoted || !member(&message, "webhook_id")) return number_in(quoted.value_or(""));
  const std::vector<DiscordMessage> sent = discord_->sent();
  const auto found = std::ranges::find(sent, string_at(&message, "id").value_or(""), &DiscordMessage::id);
  return found == sent.end() ? 0 : number_in(found->interaction);
}

DiscordStage::DiscordStage()
    : Stage("discord"),
      main_(recorder, "main"),
      second_(recorder, "second"),
      world_([this](const json::object& request) { return recorder.ask_model(request); },
             main_.options(DiscordSimulatorOptions().token)),
      second_simulator_(world_.thread.executor(), second_.options(kSecondToken)) {
  main_.attach(world_.discord);
  second_.attach(second_simulator_);
  world_.environment["SECOND_TOKEN"] = kSecondToken;
  const std::string bots =
      DiscordWorld::bot(world_.discord, "name = \"main\"\ngroups = \"all\"") +
      DiscordWorld::bot(second_simulator_,
                        "name = \"second\"\ntenant = \"acme\"\ntoken = \"${SECOND_TOKEN}\"\ngroups = \"all\"");
  world_.configure(config_around(world_, bots, "discord"));
}

std::vector<DiscordMessage> DiscordStage::sent() const {
  std::vector<DiscordMessage> all = world_.discord.sent();
  std::ranges::move(second_simulator_.sent(), std::back_inserter(all));
  return all;
}

std::size_t DiscordStage::messages() const { return sent().size() - responses(); }

std::size_t DiscordStage::edited() const {
  const auto is_edited = [](const DiscordMessage& message) { return !message.earlier.empty(); };
  return static_cast<std::size_t>(std::ranges::count_if(sent(), is_edited));
}

std::size_t DiscordStage::responses() const {
  const auto is_response = [](const DiscordMessage& message) { return !message.interaction.empty(); };
  return static_cast<std::size_t>(std::ranges::count_if(sent(), is_response));
}

}  // namespace usher::e2e::crash
