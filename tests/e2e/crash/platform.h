// One bot's platform, as the recorder needs it: where people write, and what goes wrong on the way. Any thread; the
// recorder's lock may be held.
#pragma once

#include <cstdint>
#include <string>

#include "e2e/crash/schedule/schedule.h"

namespace usher::e2e::crash {

// The least that usher takes for a picture.
inline constexpr const char* kPicture = "\x89PNG\r\n\x1a\n and so on";

class Platform {
 public:
  virtual ~Platform() = default;

  // Under which numbers usher meets a message: as an event, and as what a reply quotes (0 = it learns that later).
  struct Written {
    std::int64_t update_id = 0, message_id = 0;
  };
  virtual Written write(const Person& person, const std::string& text, Writing::Form form) = 0;
  // Where that person reads answers.
  virtual std::string chat_of(const Person& person) const = 0;

  // A life begins: from now on usher has to come anew.
  virtual void begin_life() = 0;
  // Whether usher listens, in this life.
  virtual bool is_listening() const = 0;
  // Whether the platform is told what has been accepted. Elsewhere a message is when it is on disk or answered.
  virtual bool is_told() const = 0;

  // The next life is given that message once more.
  virtual void repeat(std::int64_t update_id) = 0;
  // Whether it lets nobody answer that any more: a command that was not acknowledged.
  virtual bool is_closed(std::int64_t update_id) const = 0;
  // The next call of one kind that sends replies, by `choice`, is answered with 429.
  virtual void refuse_reply(std::uint64_t choice) = 0;
  // The answer to the next reply is lost on its way; the same of what brings messages.
  virtual void lose_reply() = 0;
  virtual void lose_messages() = 0;
};

}  // namespace usher::e2e::crash
