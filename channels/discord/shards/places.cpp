#include "channels/discord/shards/places.h"

#include <utility>

#include "channels/discord/events/snowflake.h"

namespace usher::discord {
namespace {

constexpr std::size_t kMaxBytes = 64u << 10, kMaxGuilds = 16;

std::string text_at(const json::value* in, std::string_view name) {
  return std::string(string_at(in, name).value_or(""));
}

bool read_previews(const json::value& in, Standing& out) {
  const json::object* previews = in.if_object();
  if (!previews || previews->size() > kMaxStanding) return false;
  for (const auto& [idempotency, message] : *previews) {
    const json::string* id = message.if_string();
    if (!id || !is_snowflake({id->data(), id->size()})) return false;
    out.emplace(idempotency, std::string(id->data(), id->size()));
  }
  return true;
}

}  // namespace

std::string encode_places(const Places& places) {
  json::array shards;
  for (const auto& [id, place] : places.shards) {
    shards.push_back(json::object{
        {"id", id}, {"session_id", place.session_id}, {"seq", place.seq}, {"resume_url", place.resume_url}});
  }
  json::object previews;
  for (const auto& [idempotency, message] : places.previews) previews[idempotency] = message;
  return json::serialize(json::object{{"count", places.count},
                                      {"terms", places.terms},
                                      {"bot", places.identity.bot_id},
                                      {"application", places.identity.application_id},
                                      {"guilds", json::array(places.guilds.begin(), places.guilds.end())},
                                      {"shards", std::move(shards)},
                                      {"previews", std::move(previews)}});
}

std::optional<Places> decode_places(std::string_view text, bool allows_plain) {
  const Result<json::value> root = parse_json(text, kMaxBytes);
  if (!root) return std::nullopt;
  Places places;
  const std::int64_t count = integer_at(&*root, "count").value_or(0);
  if (count < 1 || count > kMaxShards) return std::nullopt;
  places.count = static_cast<int>(count);
  places.terms = text_at(&*root, "terms");
  places.identity = {text_at(&*root, "bot"), text_at(&*root, "application")};
  if (!is_snowflake(places.identity.bot_id) || !is_snowflake(places.identity.application_id)) return std::nullopt;
  const json::array* guilds = array_at(&*root, "guilds");
  const json::array* shards = array_at(&*root, "shards");
  if (!guilds || guilds->size() > kMaxGuilds || !shards) return std::nullopt;
  for (const json::value& guild : *guilds) {
    const json::string* id = guild.if_string();
    if (!id || !is_snowflake({id->data(), id->size()})) return std::nullopt;
    places.guilds.emplace_back(id->data(), id->size());
  }
  for (const json::value& shard : *shards) {
    const std::int64_t id = integer_at(&shard, "id").value_or(-1);
    Place place{text_at(&shard, "session_id"), text_at(&shard, "resume_url"), integer_at(&shard, "seq").value_or(-1)};
    const bool is_sound = id >= 0 && id < count && place.seq >= 0 && is_session_id(place.session_id) &&
                          is_gateway_url(place.resume_url, allows_plain);
    if (!is_sound || !places.shards.emplace(static_cast<int>(id), std::move(place)).second) return std::nullopt;
  }
  const json::value* previews = member(&*root, "previews");
  if (previews && !read_previews(*previews, places.previews)) return std::nullopt;
  return places;
}

}  // namespace usher::discord
