// What a channel is to the rest of usher: a source of Incoming and a sink of Outgoing. Types and interface only; every
// platform lives in a library of its own under channels/. Event-loop thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/result.h"
#include "base/sender.h"

namespace usher::channel {

// A file a person sent, not fetched yet.
struct Attachment {
  enum class Kind { image, other };
  Kind kind = Kind::other;
  std::string platform_id;  // what Channel::fetch needs
  std::string name;         // as the person named it, or ""
  std::string media_type;   // as the platform claims, or ""
  std::size_t bytes = 0;    // as the platform claims; 0 = unknown
};

// One message from a person, already stripped of everything the platform does not vouch for.
struct Incoming {
  std::string channel;       // the channel's configured name
  std::string platform_id;   // exact id of the event ("update_id"), the key of deduplication
  std::string kind;          // "telegram"
  std::string sender_id;     // canonical decimal id; "" = nobody (channel post, anonymous admin): turned away
  std::string display_name;  // unverified
  std::string chat;
  std::string thread;  // "" = none
  // What a reply refers to; means something to the channel only, and is at most 512 bytes long.
  std::string message_id;
  bool is_group = false;
  std::string text;
  std::vector<Attachment> attachments;
  std::int64_t sent_at = 0;  // Unix seconds, the platform's clock
  // Platform roles the event vouches for.
  std::string guild;
  std::vector<std::string> platform_roles;
};

// The platform roles that a sender holds in one guild.
struct GuildRoles {
  std::string guild;
  std::vector<std::string> roles;
};

// Something that whoever reads a reply may say by one press: the same as writing it.
struct Choice {
  std::string label;  // what stands on the button, at most 40 code points
  std::string says;   // at most 60 bytes
};

struct Outgoing {
  std::string chat;
  std::string thread;
  std::string reply_to;         // Incoming::message_id of what is answered, "" = none
  bool is_group = false;        // more people than its sender read along: quote what is answered
  std::string text;             // Markdown, any length; the channel converts and splits
  std::vector<Choice> choices;  // at most 5, beneath the last part; channels without buttons leave them out
  // Names this reply for all time, at most 20 characters of [0-9a-z-]; a channel that can makes sending it twice
  // harmless with it (Discord's nonce).
  std::string idempotency;
};

// What became of a send.
enum class Delivery {
  sent,     // all of it, and at least one part reached the platform
  gone,     // it never will: blocked by the user, chat gone. Do not repeat.
  unknown,  // a part left and no answer came: it may have arrived. The parts behind it were not sent.
};

// How far one reply has got, part by part, kept on disk by whoever wants it sent: so that no part is sent twice.
// Lives through the send(). Parts count from 0, in the same order at every send of the same text.
class Passage {
 public:
  virtual ~Passage() = default;
  // Parts that earlier sends brought there: send() goes on behind them.
  virtual std::size_t parts_arrived() const = 0;
  // Before the next part leaves: resolves when it is on disk that it may have arrived. On an error it must not leave.
  virtual Task<Result<void>> leave() = 0;
  // The part that left has arrived.
  virtual void arrived() = 0;
  // It certainly has not: it was refused, never left, or has to wait.
  virtual void came_back() = 0;
};

// Where a channel keeps how far it has read, for its next start. Lives as long as the channel.
class Bookmark {
 public:
  virtual ~Bookmark() = default;
  virtual std::string read() const = 0;  // "" = none
  // Not waited for; on disk some milliseconds later, never before what the intake took in until now. At most 64 KiB.
  virtual void keep(std::string place) = 0;
};

// What the inbox made of a batch.
struct TakenIn {
  std::size_t fresh = 0;  // the others were known: a platform repeats what it does not know to be confirmed
};

// The inbox: called with whole batches; resolves when all of them are committed (or were known already), and only then
// may the channel confirm them to the platform. Fails with io (disk) or limit (full): confirm nothing, wait, offer them
// again.
using Intake = std::function<Task<Result<TakenIn>>(std::vector<Incoming> batch)>;

class Channel {
 public:
  virtual ~Channel() = default;

  virtual const std::string& name() const = 0;
  virtual const std::string& kind() const = 0;
  virtual const std::string& tenant() const = 0;

  // Reads events until stop(); returns when it has ended. Survives every platform error; reports them by log and
  // health().
  virtual Task<void> run(Intake intake) = 0;
  // Stops taking in; run() returns soon after. Sending stays possible.
  virtual void stop() = 0;

  // Delivers the text in parts, paced to the platform's limits, waiting out its 429s within the deadline. An error
  // means that the next part has certainly not arrived: unavailable, busy and timeout may pass, others will not.
  virtual Task<Result<Delivery>> send(const Outgoing& message, Passage& passage, Deadline deadline) = 0;
  // Whether a reply to that chat would leave at once, without waiting for the platform's limits.
  virtual bool can_send_now(const std::string& chat) const {
    (void)chat;
    return true;
  }
  // For how long after a part has left, and may have arrived, it is sent again: as long as the platform recognizes it;
  // zero where it would stand there twice, kForever where the operator wants it twice rather than never.
  static constexpr std::chrono::seconds kForever = std::chrono::hours(24 * 365);
  virtual std::chrono::seconds resends_for(const Outgoing& message) const = 0;

  // Whether that message must have an answer of its own where one would do for two: the platform shows until then that
  // the bot thinks.
  virtual bool awaits_answer(const Incoming& message) const {
    (void)message;
    return false;
  }

  // The platform roles of whoever wrote the message: what it carries itself, or, in a direct message, what the platform
  // answers. An error means that nobody knows them: nobody may be seated by what they might be.
  virtual Task<Result<std::vector<GuildRoles>>> roles_of(const Incoming& message, Deadline deadline) {
    (void)deadline;
    std::vector<GuildRoles> held;
    if (!message.guild.empty()) held.push_back({message.guild, message.platform_roles});
    co_return held;
  }

  // The chat that the message's chat is a thread of, where threads have ids of their own; "" = it is none. An error
  // means that nobody knows: no ceiling may be left out.
  virtual Task<Result<std::string>> parent_of(const Incoming& message, Deadline deadline) {
    (void)message, (void)deadline;
    co_return std::string();
  }

  // "typing…", best effort, never waited for. Repeated by the caller every few seconds.
  virtual void show_typing(const std::string& chat, const std::string& thread) = 0;

  // Downloads an attachment, at most max_bytes.
  virtual Task<Result<std::string>> fetch(const Attachment& attachment, std::size_t max_bytes, Deadline deadline) = 0;

  // A piece of the answer while it grows; a preview only, which the send() of the same idempotency replaces. `answer`
  // says where it will go; its text is still empty. Channels without a cheap way ignore it.
  virtual void show_progress(const Outgoing& answer, std::string_view piece) { (void)answer, (void)piece; }

  // "" = healthy; otherwise what is wrong and since when, for operators.
  virtual std::string health() const = 0;
};

}  // namespace usher::channel
