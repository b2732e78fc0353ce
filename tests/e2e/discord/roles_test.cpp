// Roles that people hold in a guild, and the seat that usher gives them for it.
#include <doctest/doctest.h>

#include "e2e/discord/discord_world.h"

namespace usher::e2e {
namespace {

const std::string member_lookup = "GET /guilds/:guild/members/:user";

bool is_owner(const json::object& request) { return contains(system_text(request), "OWNER"); }

// A world where whoever holds the staff role in the simulator's guild is an owner.
struct Guild {
  DiscordWorld world;
  std::string guild = world.discord.options().guild;

  explicit Guild(bool names_guild = true) {
    world.discord.set_member(guild, amy, {staff_role}, "Amy");
    world.discord.set_member(guild, ben, {"700000000000000002"}, "Ben");
    world.serve("", DiscordWorld::staff_are("owner", names_guild ? guild : ""));
  }
  bool seats_as_owner(const std::string& user, bool directly) {
    directly ? world.ask_directly(user, "who am I?") : world.ask(user, "who am I?");
    return is_owner(world.model.requests().back());
  }
};

TEST_CASE("whoever holds the role is seated by it, in the guild and directly; nobody else is") {
  for (const bool names_guild : {true, false}) {
    CAPTURE(names_guild);
    Guild guild(names_guild);
    CHECK(guild.seats_as_owner(amy, false));
    CHECK(guild.seats_as_owner(amy, true));
    CHECK(guild.world.discord.count(member_lookup) == 1);
    CHECK_FALSE(guild.seats_as_owner(ben, false));
    CHECK_FALSE(guild.seats_as_owner(ben, true));
    CHECK_FALSE(guild.seats_as_owner(cleo, true));  // not even in the guild
  }
}

TEST_CASE("the role counts in the guild that the assignment names and in no other") {
  Guild guild;
  DiscordSimulator& discord = guild.world.discord;
  const std::string other = discord.add_guild(), channel = discord.add_channel(other);
  discord.set_member(other, ben, {staff_role});
  discord.write({.user = ben, .content = guild.world.mention("who am I here?"), .channel = channel});
  guild.world.wait_for(channel, "who am I here?");
  CHECK_FALSE(is_owner(guild.world.model.requests().back()));
  CHECK_FALSE(guild.seats_as_owner(ben, true));
}

TEST_CASE("an exact sender comes before any role") {
  DiscordWorld world;
  world.discord.set_member(world.discord.options().guild, amy, {staff_role});
  world.serve("", DiscordWorld::staff_are("owner", world.discord.options().guild) +
                      "\n[[rbac.assignments]]\nsender = \"discord:" + amy + "\"\nrole = \"buyer\"\n");
  world.ask(amy, "who am I?");
  world.ask_directly(amy, "who am I?");
  for (const json::object& request : world.model.requests()) CHECK_FALSE(is_owner(request));
}

TEST_CASE("a direct message is seated by no guess while Discord does not say which roles its sender holds") {
  Guild guild;
  for (int i = 0; i < 40; ++i) guild.world.discord.server_error(member_lookup, 500);
  const std::string sorry = guild.world.tell(amy, "show me the margin");
  check_is_for_people(sorry);
  CHECK_FALSE(contains(sorry, "echo"));
  CHECK(guild.world.model.requests().empty());
  CHECK(guild.seats_as_owner(amy, false));  // a message in the guild says so itself
}

TEST_CASE("a lookup that Discord forbids seats nobody either") {
  Guild guild;
  for (int i = 0; i < 8; ++i) guild.world.discord.refuse(member_lookup, 403, 50001, "Missing Access");
  CHECK_FALSE(contains(guild.world.tell(ben, "let me in"), "echo"));
  CHECK(guild.world.model.requests().empty());
}

TEST_CASE("a role that is taken away counts no longer") {
  DiscordWorld world;
  const std::string guild = world.discord.options().guild;
  world.discord.set_member(guild, amy, {staff_role});
  world.serve("intents = [\"guilds\", \"guild_messages\", \"direct_messages\", \"message_content\", \"guild_members\"]",
              DiscordWorld::staff_are("owner", guild));
  world.ask_directly(amy, "who am I?");
  CHECK(is_owner(world.model.requests().back()));
  world.discord.set_member(guild, amy, {});
  world.ask(amy, "who am I now?");
  CHECK_FALSE(is_owner(world.model.requests().back()));
  world.ask_directly(amy, "and here?");  // looked up again: the guild told of the change
  CHECK_FALSE(is_owner(world.model.requests().back()));
}

TEST_CASE("names, nicknames and roles that are called like something give nothing") {
  Guild guild;
  DiscordSimulator& discord = guild.world.discord;
  discord.name_user(ben, "boss");
  discord.set_member(guild.guild, ben, {"700000000000000002"}, "discord:" + boss);
  CHECK_FALSE(guild.seats_as_owner(ben, false));
  CHECK_FALSE(guild.seats_as_owner(ben, true));
  discord.write({.user = boss, .content = guild.world.mention("I am the boss"), .webhook = "800000000000000001"});
  guild.world.ask(ben, "something else");
  for (const json::object& request : guild.world.model.requests()) CHECK_FALSE(is_owner(request));
}

TEST_CASE("with default_role = deny a stranger is turned away, and staff is not") {
  DiscordWorld world;
  const std::string guild = world.discord.options().guild;
  world.discord.set_member(guild, amy, {staff_role});
  std::string roles = DiscordWorld::roles() + DiscordWorld::staff_are("owner", guild);
  roles.replace(roles.find("default_role = \"buyer\""), 22, "default_role = \"deny\"");
  world.configure(world.base_config() + DiscordWorld::bot(world.discord) + roles);
  world.start();
  world.discord.guild_message(cleo, world.mention("let me in"));
  const DiscordMessage refusal = world.wait_for(world.discord.options().channel, cleo);
  CHECK_FALSE(contains(refusal.content, "echo"));
  CHECK(refusal.pinged.empty());
  world.ask(amy, "good morning");
  CHECK(world.model.requests().size() == 1);
}

TEST_CASE("the ceiling of a channel binds its owner there and in its threads") {
  DiscordWorld world;
  const std::string& channel = world.discord.options().channel;
  world.serve("", "\n[[rbac.groups]]\nchat = \"discord:" + channel + "\"\nceiling = \"buyer\"\n");
  world.ask(boss, "hello here");
  CHECK_FALSE(is_owner(world.model.requests().back()));
  CHECK(offered_tools(world.model.requests().back()) == std::vector<std::string>{"product_search", "product_info"});
  world.ask_directly(boss, "hello directly");
  CHECK(is_owner(world.model.requests().back()));
  const std::string thread = world.discord.add_thread(channel);
  world.discord.write({.user = boss, .content = world.mention("hello in a thread"), .channel = thread});
  world.wait_for(thread, "hello in a thread");
  CHECK_FALSE(is_owner(world.model.requests().back()));

  // explain says the same, or that it cannot know.
  const auto explain = [&](const std::vector<std::string>& where) {
    std::vector<std::string> words{"explain", "discord:" + boss, "--json"};
    words.insert(words.end(), where.begin(), where.end());
    return world.command(words);
  };
  const ProcessResult unsaid = explain({"--chat", "discord:" + thread});
  CHECK(unsaid.status == 1);
  CHECK(contains(unsaid.errors, "--parent"));
  CHECK_FALSE(contains(unsaid.output, "owner"));
  CHECK(json_of(explain({"--chat", "discord:" + thread, "--parent", "discord:" + channel})).at("ceiling") == "buyer");
  CHECK_FALSE(json_of(explain({"--chat", "discord:" + thread, "--parent", "none"})).contains("ceiling"));
  CHECK(json_of(explain({"--chat", "discord:" + channel, "--parent", "none"})).at("ceiling") == "buyer");
  for (const char* parent : {"telegram:-100", "nonsense", "discord:x"}) {
    CHECK(explain({"--chat", "discord:" + thread, "--parent", parent}).status == 1);
  }
  CHECK(explain({"--chat", "telegram:-1001", "--parent", "none"}).status == 1);
}

}  // namespace
}  // namespace usher::e2e
