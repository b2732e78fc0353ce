#include "gateway/commands.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "gateway/entitlement.h"
#include "tool/gate.h"

namespace usher::gateway {
namespace {

using Answer = Task<std::optional<std::string>>;

Answer start(CommandContext context) { co_return context.texts.say("welcome"); }
Answer help(CommandContext context) { co_return context.texts.say("help"); }

Answer new_conversation(CommandContext context) {
  Result<std::shared_ptr<memory::MemoryStore>> memory =
      co_await context.services.memories.open(context.workspace.memory_db);
  if (!memory) co_return context.texts.say("unavailable");
  Result<void> cleared = (*memory)->clear_history(context.conversation);
  co_return context.texts.say(cleared ? "new" : "unavailable");
}

Answer whoami(CommandContext context) {
  const rbac::RoleContext& role = context.context;
  std::vector<std::string> tools;
  for (const tool::ToolSpec& spec : tool::builtin_specs()) {
    if (tool::may_offer(role, spec).allowed) tools.push_back(spec.name);
  }
  std::string out = fmt::format("You are {}.\nRole: {}", to_string(role.sender), role.role);
  if (role.ceiling) out += fmt::format(", limited to {} in this chat", *role.ceiling);
  out += fmt::format("\nAutonomy: {}\nTools: {}", config::to_string(role.autonomy),
                     tools.empty() ? "none" : fmt::format("{}", fmt::join(tools, ", ")));
  co_return out;
}

std::string rate_line(CommandContext& context, Metered what, const char* title) {
  std::string out;
  for (const limits::RateKey& key : rate_keys(context.context, context.sender_digest, what)) {
    const limits::RateWindows::State state = context.services.windows.state(key);
    out += fmt::format("\n{}{}: {} of {} used in the last minute", title,
                       key.name.find("_total") == std::string::npos ? "" : " (whole role)", state.used, key.limit);
    if (state.until_next.count() > 0) out += fmt::format(", the next in {}", in_words(state.until_next));
  }
  return out;
}

std::string budget_lines(CommandContext& context) {
  std::string out;
  for (const limits::BudgetScope& scope : budget_scopes(context.context)) {
    // What a whole role spent is shown only to those whom its limit binds.
    if (scope.sender.empty() && !scope.limit) continue;
    Result<limits::Budgets::Spent> spent = context.services.budgets.spent_today(scope);
    const char* title = scope.sender.empty() ? "Cost today (whole role)" : "Cost today";
    if (!spent) {
      out += fmt::format("\n{}: not known at the moment", title);
      continue;
    }
    const MicroUsd used = spent->settled + spent->reserved;
    out += fmt::format("\n{}: {}", title, to_string(used));
    if (scope.limit) {
      const MicroUsd left{std::max<std::int64_t>(0, scope.limit->value - used.value)};
      out += fmt::format(" of {}, {} left", to_string(*scope.limit), to_string(left));
    }
  }
  const auto until_reset = context.services.budgets.resets_at() - context.services.clock.wall();
  return out + fmt::format("\nCosts reset in {}.", in_words(until_reset));
}

Answer usage(CommandContext context) {
  std::string out = fmt::format("Usage of {} as {}", to_string(context.context.sender), context.context.role);
  out += rate_line(context, Metered::model_calls, "Model calls");
  out += rate_line(context, Metered::tool_calls, "Tool calls");
  out += budget_lines(context);
  co_return out;
}

// A /stop that finds a turn to stop does not come here.
Answer stop(CommandContext context) { co_return context.texts.say("nothing_to_stop"); }

struct Command {
  std::string_view name;
  Answer (*run)(CommandContext);
};
constexpr Command kCommands[] = {
    {"start", start}, {"help", help}, {"new", new_conversation}, {"whoami", whoami}, {"usage", usage}, {"stop", stop},
};

}  // namespace

std::string command_of(std::string_view text) {
  if (text.size() < 2 || text.front() != '/') return {};
  std::string_view word = text.substr(1, text.find_first_of(" \t\r\n") - 1);
  return lower_ascii(word.substr(0, word.find('@')));
}

std::vector<channel::Choice> choices_after(std::string_view command) {
  if (command != "help" && command != "start") return {};
  return {{"New conversation", "/new"}, {"Who am I?", "/whoami"}, {"Usage", "/usage"}};
}

Task<std::optional<std::string>> run_command(std::string_view command, CommandContext context) {
  for (const Command& known : kCommands) {
    if (known.name == command) {
      std::optional<std::string> answer = co_await known.run(std::move(context));
      co_return answer;
    }
  }
  co_return std::nullopt;
}

}  // namespace usher::gateway
