#include "e2e/discord/discord_world.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/run_task.h"

namespace usher::e2e {

DiscordWorld::DiscordWorld(ModelSimulator::Script script, DiscordSimulatorOptions options)
    : World(std::move(script)), discord(thread.executor(), std::move(options)) {
  environment["DISCORD_TOKEN"] = discord.options().token;
}

DiscordSimulatorOptions DiscordWorld::quick() {
  DiscordSimulatorOptions options;
  options.identify_window = std::chrono::milliseconds(0);
  return options;
}

// ---- what is configured ----

std::string DiscordWorld::bot(const DiscordSimulator& of, const std::string& more) {
  const bool has_name = contains(more, "name = "), has_token = contains(more, "token = ");
  return "\n[[channels.discord]]\n" + std::string(has_name ? "" : "name = \"main\"\n") +
         (has_token ? "" : "token = \"${DISCORD_TOKEN}\"\n") + "api_root = \"" + of.api_root() + "\"\n" + more + "\n";
}

std::string DiscordWorld::roles() {
  return World::shop_roles() + "\n[[rbac.assignments]]\nsender = \"discord:" + boss + "\"\nrole = \"owner\"\n";
}

std::string DiscordWorld::staff_are(const std::string& role, const std::string& guild) {
  return "\n[[rbac.assignments]]\ndiscord_role = \"" + staff_role + "\"\n" +
         (guild.empty() ? "" : "guild = \"" + guild + "\"\n") + "role = \"" + role + "\"\n";
}

void DiscordWorld::serve(const std::string& in_bot, const std::string& rest) {
  configure(base_config() + bot(discord, in_bot) + roles() + rest);
  start();
}

Process& DiscordWorld::start(int shards) {
  return run_until([&] { return live_sessions() >= shards; }, "usher is connected to Discord");
}

void DiscordWorld::wait_until_back(std::size_t connections_before) {
  wait_until(
      [&] {
        const std::vector<GatewayConnection> all = discord.connections();
        return all.size() > connections_before && all.back().is_open && !all.back().session.empty();
      },
      "usher is back in a session");
}

int DiscordWorld::live_sessions() const {
  const std::vector<GatewayConnection> all = discord.connections();
  return static_cast<int>(std::ranges::count_if(
      all, [](const GatewayConnection& connection) { return connection.is_open && !connection.session.empty(); }));
}

// ---- what is said ----

std::string DiscordWorld::mention(const std::string& words) const {
  return "<@" + discord.options().bot + "> " + words;
}

DiscordMessage DiscordWorld::ask(const std::string& user, const std::string& words) {
  const std::string& channel = discord.options().channel;
  const std::size_t before = said_in(channel).size();
  discord.guild_message(user, mention(words));
  return wait_for(channel, words, before);
}

DiscordMessage DiscordWorld::ask_directly(const std::string& user, const std::string& words) {
  const std::string channel = discord.direct_channel(user);
  const std::size_t before = said_in(channel).size();
  discord.direct_message(user, words);
  return wait_for(channel, words, before);
}

std::string DiscordWorld::tell(const std::string& user, const std::string& words) {
  const std::string channel = discord.direct_channel(user);
  const std::size_t before = said_in(channel).size();
  discord.direct_message(user, words);
  return wait_for(channel, "", before).content;
}

std::vector<DiscordMessage> DiscordWorld::said_in(const std::string& channel) const {
  std::vector<DiscordMessage> out;
  for (DiscordMessage& message : discord.visible(channel)) {
    if (message.author == discord.options().bot) out.push_back(std::move(message));
  }
  return out;
}

DiscordMessage DiscordWorld::wait_for(const std::string& channel, const std::string& words, std::size_t after) {
  std::optional<DiscordMessage> found;
  wait_until(
      [&] {
        const std::vector<DiscordMessage> said = said_in(channel);
        const auto at = std::find_if(
            said.begin() + static_cast<std::ptrdiff_t>(std::min(after, said.size())), said.end(),
            [&](const DiscordMessage& message) { return !message.is_loading && contains(message.content, words); });
        if (at != said.end()) found = *at;
        return found.has_value();
      },
      "\"" + words + "\" in channel " + channel);
  return *found;
}

DiscordMessage DiscordWorld::answer_to(const std::string& interaction) {
  std::optional<DiscordMessage> found;
  wait_until(
      [&] {
        for (DiscordMessage& message : discord.sent()) {
          if (message.interaction == interaction && !message.is_loading) found = std::move(message);
        }
        return found.has_value();
      },
      "an answer to the interaction");
  return *found;
}

std::size_t DiscordWorld::answers_quoting(const std::string& message) const {
  const std::vector<DiscordMessage> sent = discord.sent();
  return static_cast<std::size_t>(
      std::ranges::count_if(sent, [&](const DiscordMessage& answer) { return answer.reply_to == message; }));
}

// ---- usher's own address ----

DiscordWorld::Page DiscordWorld::get(const std::string& target) { return call("GET", target, "", {}); }

DiscordWorld::Page DiscordWorld::post(const std::string& target, const std::string& body,
                                      const std::vector<net::Header>& headers) {
  return call("POST", target, body, headers);
}

DiscordWorld::Page DiscordWorld::call(const std::string& method, const std::string& target, const std::string& body,
                                      const std::vector<net::Header>& headers) {
  asio::io_context loop(1);
  auto client = net::make_http_client(loop.get_executor());
  const Result<net::Endpoint> endpoint = net::parse_endpoint(api());
  REQUIRE(endpoint);
  net::HttpRequest request{.endpoint = &*endpoint, .method = method, .target = target, .headers = headers};
  request.body = body;
  Result<net::HttpResponse> response = run_task(loop, client->send(std::move(request), Deadline::in(patience), {}));
  REQUIRE_MESSAGE(response, (response ? "" : response.error().message));
  return {response->status, std::move(response->body)};
}

}  // namespace usher::e2e
