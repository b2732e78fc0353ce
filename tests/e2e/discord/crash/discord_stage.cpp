#include "e2e/discord/crash/discord_stage.h"

#include <fmt/format.h>

#include <charconv>

namespace usher::e2e::crash {
namespace {

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
    const bool is_reply = route == create_message || route == edit_message;
    if (is_reply && reply && reply->status == 200) note_reply(*reply);
    recorder_.passed();
  };
  return options;
}

void DiscordPlatform::attach(DiscordSimulator& discord) {
  discord_ = &discord;
  recorder_.add(bot_, *this);
}

Platform::Written DiscordPlatform::write(const Person& person, const std::string& text) {
  const std::string user = std::to_string(person.id);
  const std::string id = person.group != 0 ? discord_->guild_message(user, text) : discord_->direct_message(user, text);
  return {.update_id = number_in(id), .message_id = number_in(id)};
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
                           .quoted = number_in(text_of(member(&*message, "message_reference"), "message_id")),
                           .text = text_of(&*message, "content"),
                           .is_answer_lost = reply.reset});
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

}  // namespace usher::e2e::crash
