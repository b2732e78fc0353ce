#include "gateway/turn/turn.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "agent/history.h"
#include "base/failpoint.h"
#include "base/hash.h"
#include "base/text.h"
#include "gateway/commands.h"
#include "gateway/conversation.h"
#include "gateway/ledger/rows.h"
#include "gateway/record/turn_record.h"
#include "gateway/turn/failure.h"
#include "gateway/turn/images.h"
#include "gateway/turn/subagent.h"
#include "tool/gate.h"

namespace usher::gateway {
namespace {

constexpr std::size_t kMaxRecalledFacts = 5;
constexpr std::chrono::seconds kFetchTimeout{30};

std::string minute_of(WallTime time) {
  std::string iso = to_iso8601(time);
  return iso.substr(0, 16) + "Z";  // stable within a minute: "2026-11-21T23:31Z"
}

memory::Audience audience_of(const channel::Incoming& incoming) {
  return incoming.is_group ? memory::Audience::group : memory::Audience::private_chat;
}

std::vector<memory::Entry> entries_of(const std::string& said, const agent::TurnResult& result,
                                      const std::string& reply) {
  std::vector<memory::Entry> entries;
  entries.push_back(agent::to_entry({.author = provider::Author::user, .text = said}));
  for (const provider::Message& message : result.messages) entries.push_back(agent::to_entry(message));
  // A turn ended by a guard has no last word of the model; what the person was told stands in for it.
  if (entries.back().author != "assistant") entries.push_back({.author = "assistant", .text = reply});
  return entries;
}

// An answer that the sender's memory does not keep.
TurnOutcome sentence(std::string text) { return {.reply = {.text = std::move(text)}}; }

// What is recalled without being asked for passes the gate as if the model had called memory_recall; only the
// bounds of its schema are not for the words of a person.
bool may_recall(const tool::Seat& seat, const std::string& words) {
  const std::unique_ptr<tool::Tool> recall = tool::make_builtin("memory_recall", seat);
  if (!tool::may_call(*seat.context, recall->spec()).allowed) return false;
  return tool::judge_access(*seat.context, recall->spec(), recall->access({{"query", words}})).allowed;
}

}  // namespace

// Who sits where, for one turn.
struct Turns::Seated {
  tool::Seat seat;
  std::string conversation;  // key
  std::shared_ptr<const Room> room;
  const Model* model = nullptr;
};

Turns::Turns(const Services& services, Admission& admission)
    : services_(services),
      admission_(admission),
      rooms_(services.clock),
      joining_(services.links, services.roles, services.ledger, services.clock) {}

Texts Turns::texts_for(const channel::Incoming& incoming, const std::string& tenant) {
  const rbac::PlatformRoles said{incoming.guild, incoming.platform_roles};
  auto role = admission_.resolve(incoming, conversation_of(incoming, tenant).sender, {&said, 1});
  return rooms_.texts(role ? services_.workspaces.select(**role).root
                           : services_.config->gateway.workspaces_dir.native());
}

Task<TurnOutcome> Turns::run(const Accepted& accepted, channel::Channel& channel, std::function<bool()> is_cancelled) {
  const channel::Incoming& incoming = accepted.incoming;
  const Conversation conversation = conversation_of(incoming, channel.tenant());
  const bool is_nobody = incoming.sender_id.empty();  // that the platform vouches for
  Result<std::shared_ptr<const rbac::RoleContext>> role =
      co_await admission_.find_role(incoming, conversation.sender, channel);
  Result<void> written =
      co_await admission_.record(accepted, is_nobody ? nobody_row(incoming, channel.tenant())
                                                     : resolution_row(incoming, conversation.sender, role));
  if (is_nobody) co_return TurnOutcome();
  if (!written) {
    spdlog::error("nothing is done for message {}: the ledger cannot be written: {}", accepted.id,
                  written.error().message);
    co_return sentence(texts_for(incoming, channel.tenant()).say("unavailable"));
  }
  failpoint("turn.resolved");
  std::optional<std::string> joined =
      co_await answer_joining(incoming, conversation.sender, role ? role->get() : nullptr);
  if (joined) co_return sentence(std::move(*joined));
  if (!role && role.error().kind == ErrorKind::unavailable) {
    spdlog::warn("{}: {}", incoming.channel, role.error().message);
    co_return sentence(rooms_.texts(services_.config->gateway.workspaces_dir).say("roles_unknown"));
  }
  if (!role) {
    const std::string who = to_string(conversation.sender);
    spdlog::info("{} {} turned away: {}", incoming.channel, who, role.error().message);
    const Texts texts = rooms_.texts(services_.config->gateway.workspaces_dir);
    co_return sentence(texts.say("turned_away", {{"sender", who}}));
  }
  Seated seated;
  seated.seat = {.context = *role,
                 .workspace = std::make_shared<const rbac::Workspace>(services_.workspaces.select(**role)),
                 .sender_digest = sender_digest((*role)->keeper),
                 .audience = audience_of(incoming),
                 .pool = services_.pool,
                 .records = {&services_.ledger, source_of(incoming)}};
  seated.conversation = conversation_key(conversation);
  std::optional<std::string> answer = co_await answer_command(incoming, seated);
  if (answer) {
    TurnOutcome outcome = sentence(std::move(*answer));
    outcome.reply.choices = choices_after(command_of(incoming.text));
    co_return outcome;
  }

  Result<void> furnished = co_await furnish(seated);
  if (!furnished) {
    co_return sentence(explain(furnished.error(), rooms_.texts(seated.seat.workspace->root), seated));
  }
  TurnOutcome outcome = co_await converse(accepted, channel, seated, std::move(is_cancelled));
  co_return outcome;
}

// Before anybody is turned away: what a stranger may do is enter the code of an account that is known.
Task<std::optional<std::string>> Turns::answer_joining(const channel::Incoming& incoming, const Sender& sender,
                                                       const rbac::RoleContext* role) {
  if (!Joining::is_command(command_of(incoming.text))) co_return std::nullopt;
  if (!role && !Joining::is_for_strangers(incoming.text)) co_return std::nullopt;
  const std::string room =
      role ? services_.workspaces.select(*role).root : services_.config->gateway.workspaces_dir.native();
  std::string said = co_await joining_.answer(
      {.sender = sender, .words = incoming.text, .source = source_of(incoming), .is_private = !incoming.is_group},
      rooms_.texts(room));
  co_return said;
}

Task<std::optional<std::string>> Turns::answer_command(const channel::Incoming& incoming, const Seated& seated) {
  const std::string_view command = command_of(incoming.text);
  if (command.empty()) co_return std::nullopt;
  const Texts texts = rooms_.texts(seated.seat.workspace->root);
  const CommandContext context{.context = *seated.seat.context,
                               .services = services_,
                               .texts = texts,
                               .workspace = *seated.seat.workspace,
                               .sender_digest = seated.seat.sender_digest,
                               .conversation = seated.conversation};
  std::optional<std::string> answer = co_await run_command(command, context);
  co_return answer;
}

// The room's prompt, the role's model, the sender's memory.
Task<Result<void>> Turns::furnish(Seated& seated) {
  Result<std::shared_ptr<const Room>> room = rooms_.find(seated.seat.workspace->root);
  if (!room) co_return fail(std::move(room.error()));
  seated.room = std::move(*room);
  const std::string& hint = seated.seat.context->model_hint;
  auto model = services_.models.find(hint);
  if (model == services_.models.end()) {
    co_return fail(ErrorKind::not_found, fmt::format("model hint '{}' is not configured", hint));
  }
  seated.model = &model->second;
  seated.seat.memory = services_.memories.cached(seated.seat.workspace->memory_db);
  if (seated.seat.memory) co_return Result<void>();
  Result<std::shared_ptr<memory::MemoryStore>> opened =
      co_await services_.memories.open(seated.seat.workspace->memory_db);
  if (!opened) co_return fail(std::move(opened.error()));
  seated.seat.memory = std::move(*opened);
  co_return Result<void>();
}

Task<TurnOutcome> Turns::converse(const Accepted& accepted, channel::Channel& channel, Seated& seated,
                                  std::function<bool()> is_cancelled) {
  const channel::Incoming& incoming = accepted.incoming;
  const Texts& texts = seated.room->texts;
  const Deadline deadline = Deadline::in(services_.config->agent.turn_timeout);

  std::string said = incoming.text;
  Result<std::vector<provider::Image>> images = co_await fetch_images(
      accepted, channel, seated.seat.workspace->files, services_.pool, deadline.capped(kFetchTimeout), said);
  if (!images) {
    const bool was_stopped = images.error().kind == ErrorKind::cancelled;
    if (!was_stopped) {
      spdlog::warn("picture from {}: {}", to_string(seated.seat.context->sender), images.error().message);
    }
    TurnOutcome failed = sentence(texts.say(was_stopped ? "stopped" : "image_failed"));
    failed.was_cancelled = was_stopped;
    co_return failed;
  }
  if (trim(said).empty()) {
    co_return sentence(texts.say("empty"));
  }
  Result<agent::TurnResult> result =
      co_await answer(accepted, channel, seated, said, std::move(*images), deadline, std::move(is_cancelled));
  if (!result) {
    TurnOutcome failed = sentence(explain(result.error(), texts, seated));
    failed.was_cancelled = result.error().kind == ErrorKind::cancelled;
    co_return failed;
  }
  TurnOutcome outcome = sentence(trim(result->text).empty() ? texts.say("unfinished") : result->text);
  outcome.memory = seated.seat.memory;
  outcome.reply.remembrance = {.memory_db = seated.seat.workspace->memory_db,
                               .conversation = seated.conversation,
                               .turn = fmt::format("{}:{}", incoming.channel, incoming.platform_id),
                               .entries = entries_of(said, *result, outcome.reply.text)};
  co_return outcome;
}

Task<Result<agent::TurnResult>> Turns::answer(const Accepted& accepted, channel::Channel& channel, const Seated& seated,
                                              const std::string& said, std::vector<provider::Image> images,
                                              Deadline deadline, std::function<bool()> is_cancelled) {
  const channel::Incoming& incoming = accepted.incoming;
  const agent::TurnFacts facts = facts_of(incoming, *seated.seat.context);
  Result<std::vector<provider::Message>> history = recall_history(incoming, seated, facts, said, std::move(images));
  if (!history) co_return fail(std::move(history.error()));
  TurnSetting setting{
      .model = *seated.model, .system_prompt = seated.room->system_prompt, .seat = seated.seat, .facts = facts};
  setting.limits.max_iterations = services_.config->agent.max_iterations;
  setting.limits.turn_deadline = deadline;
  setting.hooks.is_cancelled = std::move(is_cancelled);
  const channel::Outgoing growing = answer_to(accepted, services_.journal.instance());
  setting.hooks.on_text = [&](std::string_view piece) { channel.show_progress(growing, piece); };
  TurnRecord record(services_.journal, accepted.id, accepted.steps);
  TurnAgents agents(services_, std::move(setting), record);
  Result<agent::TurnResult> result = co_await agents.answer(*history);
  co_return result;
}

agent::TurnFacts Turns::facts_of(const channel::Incoming& incoming, const rbac::RoleContext& context) const {
  return {.sender = to_string(context.sender),
          .display_name = incoming.display_name,
          .role = context.role,
          .channel = incoming.channel,
          .time = minute_of(services_.clock.wall()),
          .is_group = incoming.is_group};
}

// What the model reads: the room's prompt, what was said before, the sender's words with what is known around them.
Result<std::vector<provider::Message>> Turns::recall_history(const channel::Incoming& incoming, const Seated& seated,
                                                             agent::TurnFacts facts, const std::string& said,
                                                             std::vector<provider::Image> images) {
  memory::MemoryStore& memory = *seated.seat.memory;
  Result<std::vector<memory::Entry>> entries =
      memory.history(seated.conversation, static_cast<std::size_t>(services_.config->agent.history_messages));
  if (!entries) return fail(std::move(entries.error()));
  if (may_recall(seated.seat, incoming.text)) {
    Result<std::vector<memory::Fact>> recalled = memory.recall(seated.seat.audience, incoming.text, kMaxRecalledFacts);
    if (!recalled) return fail(std::move(recalled.error()));
    for (memory::Fact& fact : *recalled) facts.remembered.push_back(std::move(fact.text));
  }
  std::vector<provider::Message> history = agent::to_messages(std::move(*entries));
  history.insert(history.begin(), {.author = provider::Author::system, .text = seated.room->system_prompt});
  history.push_back(
      {.author = provider::Author::user, .text = agent::user_prompt(facts, said), .images = std::move(images)});
  agent::fit_to_context(history, seated.model->context_tokens - seated.model->price.max_output_tokens);
  return history;
}

std::string Turns::explain(const Error& error, const Texts& texts, const Seated& seated) {
  return explain_failure(error, texts, to_string(seated.seat.context->sender), seated.model ? seated.model->name : "?");
}

}  // namespace usher::gateway
