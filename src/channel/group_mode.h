// Which messages of a group are for a bot. Private messages always are.
#pragma once

namespace usher::channel {

enum class GroupMode {
  mention,  // those that mention it or reply to it
  all,
  off,
};

}  // namespace usher::channel
