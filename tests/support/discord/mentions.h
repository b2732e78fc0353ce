// Whom a message mentions and whom it pings. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace usher::testing {

struct DiscordMentions {
  bool everyone = false, here = false;
  std::vector<std::string> users, roles;  // each once, in order
};

// Mentions inside code count too: no client may rely on Discord's reading of Markdown.
DiscordMentions mentions_in(std::string_view content);

// Who hears of a message of a bot: "everyone", "here", user ids, "&" + role ids. `allowed` is the request's
// allowed_mentions (null = absent: everything pings), `replied_user` whom the message answers ("" = nobody). Fails with
// invalid for an allowed_mentions that Discord refuses.
Result<std::vector<std::string>> pinged_by(const DiscordMentions& mentions, const json::value* allowed,
                                           const std::string& replied_user);

}  // namespace usher::testing
