// Logs discord.js in to the Discord simulator: it is told of its guild, answers messages in a channel, a thread and a
// direct chat, edits, types, reacts, registers a slash command and answers it, sees its button pressed, waits out limits
// that it was told of and that it was not, and resumes after its socket was cut.
//
//   node discordjs.mjs PATH_TO_discord_simulator      (or DISCORD_SIMULATOR=PATH node discordjs.mjs)
import assert from "node:assert/strict";
import { once } from "node:events";
import {
  ActionRowBuilder, AttachmentBuilder, ButtonBuilder, ButtonStyle, Client, DiscordAPIError, Events, GatewayIntentBits,
  MessageFlags, Partials,
} from "discord.js";
import * as simulator from "../simulator.mjs";

let world;
const control = (what, body) => simulator.control(world.port, what, body);
const refusal = (promise) => simulator.refusal(promise, DiscordAPIError);

// Does something and waits for what discord.js tells of it.
async function heard(client, event, act) {
  const told = once(client, event);
  const done = await act();
  const [value] = await told;
  return { value, result: done?.result };
}

// Discord tells the bot of its own messages too; only people's are of interest here.
function message_from(client, user) {
  return new Promise((resolve) => {
    client.on(Events.MessageCreate, function listener(message) {
      if (message.author.id !== user) return;
      client.off(Events.MessageCreate, listener);
      resolve(message);
    });
  });
}

async function written(client, what, body) {
  const told = message_from(client, body.user);
  const { result } = await control(what, body);
  const message = await told;
  assert.equal(message.id, result);
  return message;
}

async function log_in() {
  const client = new Client({
    intents: [
      GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages, GatewayIntentBits.DirectMessages,
      GatewayIntentBits.MessageContent, GatewayIntentBits.GuildMessageReactions,
    ],
    partials: [Partials.Channel, Partials.Message],
    rest: { api: world.api_root.replace(/\/v10$/, "") },
    allowedMentions: { parse: [] },
  });
  const ready = once(client, Events.ClientReady);
  await client.login(world.token);
  await ready;
  assert.equal(client.user.username, "usher_test_bot");
  const guild = client.guilds.cache.get(world.guild);
  assert.ok(guild?.available, "GUILD_CREATE made the guild available");
  assert.ok(guild.channels.cache.has(world.channel));
  return client;
}

async function answers(client) {
  await control("member", { user: "77", roles: ["2000000000000000777"], nick: "Ann the admin" });
  const message = await written(client, "message", { user: "77", text: `good morning <@${client.user.id}>` });
  assert.equal(message.content, `good morning <@${client.user.id}>`);
  assert.equal(message.guildId, world.guild);
  assert.equal(message.member.nickname, "Ann the admin");
  assert.ok(message.member.roles.cache.size >= 1);
  assert.ok(message.mentions.users.has(client.user.id));

  await message.channel.sendTyping();
  await message.react("👀");
  const reply = await message.reply("@everyone <@77> hello");
  assert.equal(reply.reference.messageId, message.id);
  assert.equal(reply.mentions.everyone, false);
  const edited = await reply.edit("hello again");
  assert.equal(edited.content, "hello again");
  assert.ok(edited.editedTimestamp > 0);
  await message.reactions.cache.get("👀")?.users.remove(client.user.id);

  const [sent] = await control("sent");
  assert.equal(sent.reply_to, message.id);
  assert.deepEqual(sent.earlier, ["@everyone <@77> hello"]);
  assert.deepEqual(sent.pinged, [], "allowed_mentions none pings nobody");
  const state = await control("state");
  assert.deepEqual(state.typing, [world.channel]);
  assert.equal(state.reactions[0].emoji, "👀");
}

async function elsewhere(client) {
  const direct = await written(client, "direct", { user: "78", text: "psst" });
  assert.equal(direct.guildId, null);
  assert.equal(direct.content, "psst");
  const long_answer = new AttachmentBuilder(Buffer.from("a long answer"), { name: "answer.md" });
  const answer = await direct.channel.send({ content: "yes?", files: [long_answer] });
  const file = answer.attachments.first();
  assert.equal(file.name, "answer.md");
  const fetched = await fetch(file.url);
  assert.equal(await fetched.text(), "a long answer");
  const bare = await answer.edit({ content: "no.", attachments: [] });
  assert.equal(bare.attachments.size, 0);

  const { result: thread_id } = await control("thread", {});
  const in_thread = await written(client, "message", { user: "79", text: "in here", channel: thread_id });
  assert.ok(in_thread.channel.isThread());
  assert.equal(in_thread.channel.parentId, world.channel);
  const thread_answer = await in_thread.reply("indeed");
  assert.equal(thread_answer.channelId, thread_id);

  const { result: forum } = await control("forum", {});
  const post = await written(client, "post", { user: "80", forum, text: "a question" });
  assert.equal(post.id, post.channelId, "a post's first message has the id of its thread");
}

async function commands(client) {
  const text = { type: 3, name: "text", description: "What", required: true };
  await client.application.commands.set([{ name: "ask", description: "Asks", options: [text] }]);
  const wrong = await refusal(client.application.commands.set([{ name: "Ask Me", description: "Asks" }]));
  assert.equal(wrong.code, 50035);
  const options = [{ name: "text", type: 3, value: "why?" }];
  const ask = () => control("command", { user: "77", name: "ask", options });
  const { value: asked } = await heard(client, Events.InteractionCreate, ask);
  assert.ok(asked.isChatInputCommand());
  assert.equal(asked.options.getString("text"), "why?");
  await asked.deferReply();
  const answer = await asked.editReply("because");
  assert.equal(answer.content, "because");
  const aside = await asked.followUp({ content: "only for you", flags: MessageFlags.Ephemeral });
  assert.ok(aside.flags.has(MessageFlags.Ephemeral));
  const { messages } = client.channels.cache.get(world.channel);
  const unseen = await refusal(messages.fetch({ message: aside.id, force: true }));
  assert.equal(unseen.code, 10008, "an ephemeral message is in no channel");
  const callback = `/interactions/${asked.id}/${asked.token}/callback`;
  const again = await refusal(client.rest.post(callback, { body: { type: 5 }, auth: false }));
  assert.equal(again.code, 40060);
  const { acknowledgements } = await control("state");
  assert.deepEqual(acknowledgements.map((ack) => ack.type), [5]);
}

async function buttons(client) {
  const button = new ButtonBuilder().setCustomId("yes").setLabel("Yes").setStyle(ButtonStyle.Success);
  const row = new ActionRowBuilder().addComponents(button);
  const question = await client.channels.cache.get(world.channel).send({ content: "Shall I?", components: [row] });
  const press = () => control("press", { user: "77", message: question.id, custom_id: "yes" });
  const { value: first } = await heard(client, Events.InteractionCreate, press);
  assert.ok(first.isButton());
  assert.equal(first.customId, "yes");
  assert.equal(first.message.id, question.id);
  await first.deferUpdate();
  const { value: second } = await heard(client, Events.InteractionCreate, press);
  await second.update({ content: "Done.", components: [] });
  const sent = (await control("sent")).find((message) => message.id === question.id);
  assert.equal(sent.content, "Done.");
  assert.deepEqual(sent.components, []);
  assert.equal((await press()).result, "", "there is nothing left to press");
}

async function refusals(client) {
  const channel = client.channels.cache.get(world.channel);
  const long = await refusal(channel.send("x".repeat(2001)));
  assert.equal(long.code, 50035);
  await channel.send("👋".repeat(2000));
  const empty = await refusal(channel.send(" \n "));
  assert.equal(empty.code, 50006);
  const outgoing = { content: "once", nonce: "outbox-1-0", enforceNonce: true };
  const one = await channel.send(outgoing), two = await channel.send(outgoing);
  assert.equal(one.id, two.id, "the same nonce is the same message");
  const nobody = await refusal(client.guilds.cache.get(world.guild).members.fetch({ user: "4040", force: true }));
  assert.equal(nobody.code, 10007);
  const goodbye = await written(client, "direct", { user: "81", text: "bye" });
  await control("forbid", { channel: goodbye.channelId, code: 50007 });
  const closed = await refusal(goodbye.channel.send("wait"));
  assert.equal(closed.status, 403);
  assert.equal(closed.code, 50007);
}

async function limits(client) {
  const channel = client.channels.cache.get(world.channel);
  const before = (await control("state")).refused_calls;
  for (let i = 0; i < 5; ++i) await channel.sendTyping();
  assert.equal((await control("state")).refused_calls, before, "the headers told it when to wait");
  for (const scope of ["user", "shared", "global"]) {
    await control("too_many", { route: "POST /channels/:channel/messages", scope, seconds: 0.3 });
    const begin = Date.now();
    await channel.send(`after ${scope}`);
    assert.ok(Date.now() - begin >= 290, `waited out a 429 of scope ${scope}`);
  }
  assert.equal((await control("state")).refused_calls, before + 2, "scope shared does not count");
}

async function resumes(client) {
  const resumed = once(client, Events.ShardResume);
  const told = message_from(client, "82");
  await control("cut", {});
  await control("message", { user: "82", text: "while you were away" });
  const [, replayed] = await resumed;
  assert.ok(replayed >= 1, "the missed event came again");
  assert.equal((await told).content, "while you were away");
  const { connections, identifies } = await control("state");
  assert.equal(identifies, 1);
  const last = connections.at(-1);
  assert.ok(last.is_at_resume_url);
  assert.equal(new URL(last.target, "ws://x").searchParams.get("v"), "10");

  const anew = once(client, Events.ShardResume);
  await control("reconnect", {});
  await anew;
}

await simulator.play({ peer: "discord.js", variable: "DISCORD_SIMULATOR", seconds: 60 }, async (introduced) => {
  world = introduced;
  const client = await log_in();
  await answers(client);
  await elsewhere(client);
  await commands(client);
  await buttons(client);
  await refusals(client);
  await limits(client);
  await resumes(client);
  await client.destroy();
});
