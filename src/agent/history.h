// Between what memory keeps (memory::Entry) and what a model reads (provider::Message), and the prompt around it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "memory/memory.h"
#include "provider/provider.h"

namespace usher::agent {

memory::Entry to_entry(const provider::Message& message);
// Broken entries are skipped; a tool result without its call and a call without its result are dropped, so that every
// vendor accepts the result.
std::vector<provider::Message> to_messages(std::vector<memory::Entry> entries);

// Drops the oldest exchanges until the estimate fits `max_tokens`; the system message and the last user message stay.
// The rest begins with a user message.
void fit_to_context(std::vector<provider::Message>& messages, std::int64_t max_tokens);

// Byte-stable between turns: the gateway's fixed rules, then the workspace's AGENTS.md.
std::string system_prompt(std::string_view agents_md);
// The same for a subagent, which works on one task and answers the agent that set it.
std::string subagent_prompt(std::string_view system_prompt);

// What is known of the sender and the moment, as data in front of their words.
struct TurnFacts {
  std::string sender;        // "telegram:123"
  std::string display_name;  // chosen by the sender; marked as unverified
  std::string role;
  std::string channel;
  std::string time;  // ISO 8601, minute precision
  bool is_group = false;
  std::vector<std::string> remembered;  // recalled facts
};
// A person's own words, unable to open or close a context block: what they wrote earlier is shown like this too.
std::string without_context_tags(std::string text);
std::string user_prompt(const TurnFacts& facts, std::string_view text);

}  // namespace usher::agent
