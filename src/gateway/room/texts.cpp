#include "gateway/room/texts.h"

#include <fmt/format.h>

namespace usher::gateway {
namespace {

struct Sentence {
  std::string_view name;
  std::string_view text;
};

// docs/operating.md lists these with their placeholders.
constexpr Sentence kSentences[] = {
    {"welcome", "Hello! Write to me and I will answer. /help lists what else I understand."},
    {"help",
     "Just write what you need. I also understand:\n"
     "/new - start a new conversation\n"
     "/whoami - who you are to me and what you may use\n"
     "/usage - your limits and what is left of them\n"
     "/stop - stop the answer I am working on\n"
     "/link - use another account of yours as this one"},
    {"new", "A new conversation. What was said before is no longer part of it."},
    {"stopped", "Stopped."},
    {"nothing_to_stop", "There is nothing to stop."},
    {"turned_away", "You are not registered with this bot. Its operator can add you; your id is {sender}."},
    {"limit", "{reason}. Please try again in {time}."},
    {"blocked", "{reason}."},
    {"outage", "I cannot reach my model at the moment. Please try again in a little while."},
    {"timeout",
     "That took longer than I am allowed to work on one message. Please try again, perhaps in smaller steps."},
    {"unavailable", "I cannot answer because of a problem on my side. The operator has been told."},
    {"roles_unknown", "I cannot find out at the moment what you may do here. Please try again in a little while."},
    {"memory_damaged",
     "What I remembered from you is damaged, and I have set it aside. The operator has been told. Please write your "
     "message again."},
    {"unfinished", "I could not finish this within the steps I may take. Please try again, perhaps in smaller steps."},
    {"image_failed", "I could not load the picture you sent. Please send it once more."},
    {"link_private", "Please write that to me in a private chat."},
    {"link_code",
     "Write this to me from your other account, in a private chat:\n/link {code}\nIt is good once, for {time}. Whoever "
     "enters it has your memory, your limits and your role here: show it to nobody."},
    {"link_confirm",
     "That is the code of {other}. If you go on, this account shares that one's memory, limits and role, and whoever "
     "writes there can learn what you tell me here. Is that account yours? Then write:\n/link {code} yes"},
    {"linked", "Done. This account now shares the memory, limits and role of {other}. /unlink ends that."},
    {"link_wrong", "I know no such code, or it has run out. /link on your other account gives a new one."},
    {"link_wait", "There were too many wrong codes. Please try again in ten minutes."},
    {"link_already", "This account is joined with another already. /unlink ends that."},
    {"link_operator", "This account was joined with others by the operator, who alone can change that."},
    {"unlinked", "Done. This account is on its own again, with the memory that it had before."},
    {"unlinked_others", "Done. Whoever joined you by a code is on their own again."},
    {"not_linked", "This account is joined with no other."},
    {"empty", "I received a message without text. Please write what you need."},
};

}  // namespace

std::string Texts::say(std::string_view name, Values values) const {
  std::string_view sentence;
  auto found = overrides_.find(std::string(name));
  if (found != overrides_.end()) {
    sentence = found->second;
  } else {
    for (const Sentence& built_in : kSentences) {
      if (built_in.name == name) sentence = built_in.text;
    }
  }
  std::string out;
  for (std::size_t at = 0; at < sentence.size();) {
    const std::size_t open = sentence.find('{', at);
    const std::size_t close = open == std::string_view::npos ? open : sentence.find('}', open);
    out += sentence.substr(at, open - at);
    if (close == std::string_view::npos) {
      if (open != std::string_view::npos) out += sentence.substr(open);
      break;
    }
    const std::string_view key = sentence.substr(open + 1, close - open - 1);
    std::string_view value = sentence.substr(open, close - open + 1);
    for (const auto& [known, replacement] : values) {
      if (known == key) value = replacement;
    }
    out += value;
    at = close + 1;
  }
  return out;
}

std::vector<std::string> Texts::names() {
  std::vector<std::string> out;
  for (const Sentence& sentence : kSentences) out.emplace_back(sentence.name);
  return out;
}

std::string in_words(std::chrono::milliseconds duration) {
  const auto counted = [](std::int64_t count, const char* unit) {
    return fmt::format("{} {}{}", count, unit, count == 1 ? "" : "s");
  };
  const std::int64_t seconds = std::max<std::int64_t>(1, (duration.count() + 999) / 1000);
  if (seconds <= 90) return counted(seconds, "second");
  const std::int64_t minutes = (seconds + 59) / 60;
  if (minutes <= 90) return counted(minutes, "minute");
  return counted((minutes + 59) / 60, "hour");
}

}  // namespace usher::gateway
