#include "channels/discord/outbound/sending.h"

#include <spdlog/spdlog.h>

#include <array>
#include <utility>

#include "channels/discord/events/snowflake.h"
#include "channels/discord/outbound/payload.h"

namespace usher::discord {
namespace {

using channel::Delivery;
using std::chrono::milliseconds;

// An answer may be ready before Discord has seen that its interaction was acknowledged.
constexpr std::array<milliseconds, 5> kUntilAcknowledged = {milliseconds(100), milliseconds(250), milliseconds(500),
                                                            milliseconds(1000), milliseconds(1000)};
constexpr int kMaxCreates = 4;  // of one part: without the quotation, in place of a lost message

constexpr int kUnknownMessage = 10008;
constexpr int kTooOldToEdit = 30046;
constexpr int kCannotQuote = 160002;  // the bot may not read what was said before

}  // namespace

Task<Result<Delivery>> Sending::send_next() {
  if (is_all_there_) {
    const Result<void> left = co_await passage_.leave();
    if (!left) co_return fail(left.error());
    co_return Delivery::sent;
  }
  if (answer_.interaction && passage_.parts_arrived() == 0) {
    const Result<Delivery> sent = co_await respond();
    // What only whoever asked may read goes nowhere else.
    const bool goes_elsewhere = sent == Delivery::gone && !answer_.interaction->is_ephemeral;
    if (!goes_elsewhere) co_return sent;
  }
  const Result<Delivery> sent = co_await post();
  // Where the bot may not write, the answer to an interaction is all it has.
  const bool has_response = answer_.interaction && passage_.parts_arrived() > 0;
  if (sent != Delivery::gone || !has_response) co_return sent;
  const Result<Delivery> attached = co_await respond_with_file();
  co_return attached;
}

// What the acknowledgement of an interaction has announced; `gone` when that can be answered no more.
Task<Result<Delivery>> Sending::respond() {
  const Result<std::string> shown = co_await previews_.end(answer_.idempotency, deadline_);
  if (!shown) co_return fail(shown.error());
  for (std::size_t tries = 0; tries <= kUntilAcknowledged.size(); ++tries) {
    const Result<Tried> tried = co_await attempt(edit_response(*answer_.interaction, part()));
    if (!tried) co_return fail(tried.error());
    const bool is_missing = tried->kind == Tried::Kind::refused && tried->error.status == 404;
    if (!is_missing) co_return verdict(*tried);
    if (tries == kUntilAcknowledged.size()) break;
    const bool has_waited = co_await sleep_for(kUntilAcknowledged[tries]);
    if (!has_waited) co_return fail(ErrorKind::cancelled, "given up while an interaction was not acknowledged");
  }
  co_return Delivery::gone;
}

Task<Result<Delivery>> Sending::respond_with_file() {
  const Said all{answer_.parts.front().content, answer_.parts.back().choices, answer_.whole};
  const Result<Tried> tried = co_await attempt(edit_response(*answer_.interaction, all));
  if (!tried) co_return fail(tried.error());
  is_all_there_ = tried->kind == Tried::Kind::done;
  co_return verdict(*tried);
}

// A message of its own, or for the first part the one that its preview has left.
Task<Result<Delivery>> Sending::post() {
  bool is_second = false;
  if (passage_.parts_arrived() == 0) {
    const Result<std::string> shown = co_await previews_.end(answer_.idempotency, deadline_);
    if (!shown) co_return fail(shown.error());
    is_second = !shown->empty();
    if (is_second) {
      const Result<Tried> edited = co_await edit(*shown);
      if (!edited) co_return fail(edited.error());
      if (!is_lost(*edited)) co_return verdict(*edited);
    }
  }
  const Result<Delivery> sent = co_await create(is_second);
  co_return sent;
}

Task<Result<Delivery>> Sending::create(bool is_second) {
  std::string quoted = passage_.parts_arrived() == 0 ? answer_.reply_to : "";
  for (int tries = 0; tries < kMaxCreates; ++tries) {
    const std::string nonce = nonce_of(answer_.idempotency, passage_.parts_arrived(), is_second);
    const Result<Tried> created = co_await attempt(create_message(answer_.chat, part(), nonce, quoted));
    if (!created) co_return fail(created.error());
    if (created->is_refused_with(kCannotQuote) && !quoted.empty()) {
      quoted.clear();
      continue;
    }
    const std::string id(string_at(&created->message, "id").value_or(""));
    const bool is_other = created->kind == Tried::Kind::done && !says(created->message, part()) && is_snowflake(id);
    if (!is_other) co_return verdict(*created);
    // The nonce was a preview's, or an attempt's before the text changed.
    const Result<Tried> edited = co_await edit(id);
    if (!edited) co_return fail(edited.error());
    if (!is_lost(*edited) || is_second) co_return verdict(*edited);
    is_second = true;
  }
  co_return fail(ErrorKind::busy, "Discord kept refusing one message");
}

Task<Result<Sending::Tried>> Sending::edit(std::string message) {
  Result<Tried> tried = co_await attempt(edit_message(answer_.chat, message, part()));
  co_return tried;
}

Task<Result<Sending::Tried>> Sending::attempt(RestCall call) {
  bool was_sent = false;
  call.was_sent = &was_sent;
  call.passage = &passage_;
  Result<RestResult> answer = co_await rest_.call(std::move(call), deadline_);
  const bool is_unclear = answer ? !*answer && answer->error().may_have_happened : was_sent;
  if (is_unclear) {
    spdlog::warn("{}: a message to chat {}: {}", bot_, answer_.chat,
                 answer ? to_error(answer->error(), "it").message : answer.error().message);
    co_return Tried{Tried::Kind::unknown, nullptr, {}};
  }
  if (answer && *answer) co_return Tried{Tried::Kind::done, std::move(**answer), {}};
  passage_.came_back();
  if (!answer) co_return fail(std::move(answer.error()));
  co_return Tried{Tried::Kind::refused, nullptr, std::move(answer->error())};
}

Result<Delivery> Sending::verdict(const Tried& tried) const {
  if (tried.kind == Tried::Kind::done) return Delivery::sent;
  if (tried.kind == Tried::Kind::unknown) return Delivery::unknown;
  if (tried.error.kind == RestErrorKind::gone) {
    spdlog::warn("{}: {}", bot_, to_error(tried.error, "a message to chat " + answer_.chat).message);
    return Delivery::gone;
  }
  return fail(to_error(tried.error, "a message"));
}

bool Sending::is_lost(const Tried& tried) {
  return tried.is_refused_with(kUnknownMessage) || tried.is_refused_with(kTooOldToEdit);
}

}  // namespace usher::discord
