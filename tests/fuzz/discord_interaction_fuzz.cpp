// links: discord
// Any bytes as an interaction: every one is a named problem or something whose fields keep their promises.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/text.h"
#include "channels/discord/events/snowflake.h"
#include "channels/discord/interactions/commands.h"
#include "channels/discord/interactions/decode.h"

using namespace usher;
using namespace usher::discord;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const Interaction& interaction) {
  const channel::Incoming& in = interaction.incoming;
  require(is_snowflake(interaction.id) && interaction.id == in.platform_id);
  require(is_snowflake(in.chat) && is_snowflake(in.sender_id));
  require(in.is_group ? is_snowflake(in.guild) : in.guild.empty() && in.platform_roles.empty());
  require(is_valid_utf8(in.text) && is_valid_utf8(in.display_name) && !in.text.empty());
  require(in.message_id.size() <= 512);
  const std::optional<InteractionAddress> address = interaction_address(in.message_id);
  require(address && address->token == interaction.address.token);
  require(address->is_ephemeral == interaction.address.is_ephemeral);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  DiscordOptions options;
  options.name = "fuzz";
  options.groups = static_cast<GroupMode>(data[0] % 3);
  const std::string_view body(reinterpret_cast<const char*>(data + 1), size - 1);
  (void)interaction_address(body);
  const Result<json::value> event = parse_json(body);
  if (!event) return 0;
  (void)are_registered(*event);
  std::string problem;
  const std::optional<Interaction> interaction = decode_interaction(*event, options, problem);
  require(interaction.has_value() == problem.empty());
  if (!interaction) return 0;
  if (interaction->kind == Interaction::Kind::said) check(*interaction);
  if (interaction->kind == Interaction::Kind::refused) require(!interaction->refusal.empty());
  return 0;
}
