// The peer: a bot on discord.js with its defaults that answers each message that mentions it with the message's words.
// No model, no memory, no roles, nothing on disk.
//
//   DISCORD_TOKEN=… node echo_bot.mjs API_ROOT
import { Client, Events, GatewayIntentBits } from "discord.js";

const client = new Client({
  intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages, GatewayIntentBits.MessageContent],
  rest: { api: process.argv[2].replace(/\/v10$/, "") },
  allowedMentions: { parse: [] },
});

client.on(Events.MessageCreate, async (message) => {
  if (message.author.bot || !message.mentions.has(client.user)) return;
  await message.reply(message.content.replace(`<@${client.user.id}> `, ""));
});

process.on("SIGTERM", async () => {
  await client.destroy();
  process.exit(0);
});

await client.login(process.env.DISCORD_TOKEN);
