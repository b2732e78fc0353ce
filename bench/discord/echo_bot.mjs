// The peer: a bot on discord.js with its defaults that answers each message that mentions it, with the message's words
// or, when it is told of a model, with what that says. No roles, no limits, nothing on disk.
//
//   DISCORD_TOKEN=… node echo_bot.mjs API_ROOT [MODEL_BASE_URL]
import { Client, Events, GatewayIntentBits } from "discord.js";

const [api_root, model_url] = process.argv.slice(2);
const history_messages = 20;
const histories = new Map(); // by person, as usher keeps them

const client = new Client({
  intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages, GatewayIntentBits.MessageContent],
  rest: { api: api_root.replace(/\/v10$/, "") },
  allowedMentions: { parse: [] },
});

async function ask(person, content) {
  const history = histories.get(person) ?? [];
  histories.set(person, history);
  history.push({ role: "user", content });
  const messages = [{ role: "system", content: "You advise customers. Be brief." }, ...history.slice(-history_messages)];
  const answer = await fetch(`${model_url}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer sk-bench" },
    body: JSON.stringify({ model: "bench", stream: true, messages }),
  });
  let text = "";
  for (const line of (await answer.text()).split("\n")) {
    if (line.startsWith("data: {")) text += JSON.parse(line.slice(6)).choices[0]?.delta.content ?? "";
  }
  history.push({ role: "assistant", content: text });
  history.splice(0, history.length - history_messages);
  return text;
}

client.on(Events.MessageCreate, async (message) => {
  if (message.author.bot || !message.mentions.has(client.user)) return;
  const words = message.content.replace(`<@${client.user.id}> `, "");
  await message.reply(model_url ? await ask(message.author.id, words) : words);
});

process.on("SIGTERM", async () => {
  await client.destroy();
  process.exit(0);
});

await client.login(process.env.DISCORD_TOKEN);
