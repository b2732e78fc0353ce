// What the API answers of the application, its guilds and channels.
#include "support/discord/state.h"

namespace usher::testing {

HttpReply DiscordState::get_gateway(const RestRequest&) { return rest_ok(json::object{{"url", gateway.url}}); }
HttpReply DiscordState::get_gateway_bot(const RestRequest&) { return rest_ok(gateway.gateway_bot()); }
HttpReply DiscordState::get_me(const RestRequest&) { return rest_ok(world.show_user(world.bot())); }

HttpReply DiscordState::get_application(const RestRequest&) {
  return rest_ok(json::object{{"id", world.application()},
                              {"name", "Usher's test application"},
                              {"description", ""},
                              {"icon", nullptr},
                              {"bot_public", false},
                              {"bot_require_code_grant", false},
                              {"flags", 0},
                              {"verify_key", options.verify_key},
                              {"bot", world.show_user(world.bot())}});
}

HttpReply DiscordState::get_channel(const RestRequest& request) {
  if (std::optional<HttpReply> refusal = check_channel(request, false)) return *refusal;
  return rest_ok(world.show_channel(*world.find_channel(request.ids.at("channel"))));
}

HttpReply DiscordState::get_member(const RestRequest& request) {
  const DiscordGuild* guild = world.find_guild(request.ids.at("guild"));
  if (!guild) return rest_error(404, 10004, "Unknown Guild");
  const std::string& user = request.ids.at("user");
  if (!guild->members.contains(user)) return rest_error(404, 10007, "Unknown Member");
  json::object out = world.show_member(guild->id, user);
  out["user"] = world.show_user(user);
  return rest_ok(out);
}

HttpReply DiscordState::open_direct_channel(const RestRequest& request) {
  const std::string user = text_in(request.body, "recipient_id");
  if (user.empty() || user == world.bot()) return rest_invalid("recipient_id", "This field is required");
  return rest_ok(world.show_channel(world.direct_channel(user)));
}

}  // namespace usher::testing
