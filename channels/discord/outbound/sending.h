// The parts of one answer on their way: what is called for each, and what a refusal changes. Lives in the frame of
// whoever awaits it, as do its arguments. Event-loop thread only.
#pragma once

#include <string>

#include "base/async.h"
#include "base/json.h"
#include "base/result.h"
#include "channel/channel.h"
#include "channels/discord/outbound/answer.h"
#include "channels/discord/outbound/previews.h"
#include "channels/discord/rest/rest.h"

namespace usher::discord {

class Sending {
 public:
  Sending(Rest& rest, Previews& previews, const std::string& bot, const Answer& answer, channel::Passage& passage,
          Deadline deadline)
      : rest_(rest), previews_(previews), bot_(bot), answer_(answer), passage_(passage), deadline_(deadline) {}

  // The first part that has not arrived; as of channel::Channel::send(). The passage is told of all but the arrival.
  Task<Result<channel::Delivery>> send_next();

 private:
  // What one call came to.
  struct Tried {
    enum class Kind { done, refused, unknown };
    Kind kind = Kind::done;
    json::value message;  // when done
    RestError error;      // when refused
    bool is_refused_with(int code) const { return kind == Kind::refused && error.code == code; }
  };

  Task<Result<channel::Delivery>> respond();
  Task<Result<channel::Delivery>> respond_with_file();
  Task<Result<channel::Delivery>> post();
  Task<Result<channel::Delivery>> create(bool is_second);
  Task<Result<Tried>> edit(std::string message);
  Task<Result<Tried>> attempt(RestCall call);
  Result<channel::Delivery> verdict(const Tried& tried) const;
  // Whether the message cannot be edited, so that another has to take its place.
  static bool is_lost(const Tried& tried);
  const Said& part() const { return answer_.parts[passage_.parts_arrived()]; }

  Rest& rest_;
  Previews& previews_;
  const std::string& bot_;
  const Answer& answer_;
  channel::Passage& passage_;
  Deadline deadline_;
  bool is_all_there_ = false;  // the parts to come stand in a file already
};

}  // namespace usher::discord
