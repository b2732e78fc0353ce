// Logs grammY in to the Bot API simulator: it receives a message, answers, edits the answer, sees its button pressed and
// answers the press; then what must be refused is refused in the platform's words.
//
//   node grammy.mjs PATH_TO_telegram_simulator      (or TELEGRAM_SIMULATOR=PATH node grammy.mjs)
import assert from "node:assert/strict";
import { Bot, GrammyError, InlineKeyboard } from "grammy";
import * as simulator from "../simulator.mjs";

let port, root;
const control = (what, body) => simulator.control(port, what, body);
const refusal = (promise) => simulator.refusal(promise, GrammyError);

async function talk(token) {
  const bot = new Bot(token, { client: { apiRoot: root } });
  const seen = {};
  const pressed = new Promise((resolve, reject) => {
    bot.on("message:text", async (context) => {
      seen.text = context.message.text;
      seen.from = context.from.id;
      const keyboard = new InlineKeyboard().text("Press me", "pressed:1");
      const answer = await context.reply("<b>Hello</b> &amp; <i>welcome</i> 👋", {
        parse_mode: "HTML",
        reply_markup: keyboard,
        reply_parameters: { message_id: context.message.message_id },
      });
      seen.answer = answer;
      await bot.api.editMessageText(context.chat.id, answer.message_id, "Hello again", { reply_markup: keyboard });
      await control("press", { user: 77, message_id: answer.message_id, data: "pressed:1" });
    });
    bot.callbackQuery("pressed:1", async (context) => {
      seen.pressed = context.callbackQuery.data;
      await context.answerCallbackQuery({ text: "noted" });
      seen.again = await refusal(context.answerCallbackQuery());
      resolve();
    });
    bot.catch((error) => reject(error.error));
  });
  await control("message", { user: 77, text: "good morning" });
  const running = bot.start({ drop_pending_updates: false });
  await Promise.race([pressed, running]);

  assert.equal(bot.botInfo.username, "usher_test_bot");
  assert.equal(seen.text, "good morning");
  assert.equal(seen.from, 77);
  assert.equal(seen.answer.text, "Hello & welcome 👋");
  assert.deepEqual(seen.answer.entities, [
    { type: "bold", offset: 0, length: 5 },
    { type: "italic", offset: 8, length: 7 },
  ]);
  assert.equal(seen.pressed, "pressed:1");
  assert.match(seen.again.description, /query is too old/);
  const [sent] = await control("sent");
  assert.equal(sent.text, "Hello again");
  return { bot, running };
}

async function refusals(bot) {
  const markup = await refusal(bot.api.sendMessage(77, "<b>never closed", { parse_mode: "HTML" }));
  assert.match(markup.description, /^Bad Request: can't parse entities: /);
  const long = await refusal(bot.api.sendMessage(77, "x".repeat(4097)));
  assert.equal(long.description, "Bad Request: message is too long");
  await bot.api.sendMessage(77, "<b>" + "x".repeat(4096) + "</b>", { parse_mode: "HTML" });
  const empty = await refusal(bot.api.sendMessage(77, " \n "));
  assert.equal(empty.description, "Bad Request: message text is empty");
  await control("too_many", { method: "sendMessage", retry_after: 7 });
  const slow = await refusal(bot.api.sendMessage(77, "hi"));
  assert.equal(slow.error_code, 429);
  assert.equal(slow.parameters.retry_after, 7);
  await control("block", { chat: 77 });
  const blocked = await refusal(bot.api.sendMessage(77, "hi"));
  assert.equal(blocked.error_code, 403);
  await control("migrate", { chat: -5, new_chat: -1005 });
  const moved = await refusal(bot.api.sendMessage(-5, "hi"));
  assert.equal(moved.parameters.migrate_to_chat_id, -1005);
}

async function two_pollers(token) {
  const one = new Bot(token, { client: { apiRoot: root } });
  const older = refusal(one.api.getUpdates({ timeout: 20 }));
  while ((await control("state")).calls.getUpdates < polls + 1) await new Promise((done) => setTimeout(done, 5));
  await new Bot(token, { client: { apiRoot: root } }).api.getUpdates({ timeout: 0 });
  const error = await older;
  assert.equal(error.error_code, 409);
  assert.match(error.description, /terminated by other getUpdates/);
}

let polls = 0;
await simulator.play({ peer: "grammY", variable: "TELEGRAM_SIMULATOR", seconds: 30 }, async (world) => {
  port = world.port;
  root = `http://127.0.0.1:${port}`;
  const { bot, running } = await talk(world.token);
  await bot.stop();
  await running;
  await refusals(bot);
  polls = (await control("state")).calls.getUpdates;
  await two_pollers(world.token);
  const { unconfirmed } = await control("state");
  assert.deepEqual(unconfirmed, [], "grammY confirms what it has handled");
});
