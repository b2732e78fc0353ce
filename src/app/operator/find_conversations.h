// The journal's conversations as the API shows them: with the tenant that config.toml gives each channel.
#pragma once

#include <memory>

#include "admin/conversations.h"
#include "config/config.h"
#include "gateway/journal.h"

namespace usher::app {

// `journal` outlives the function.
admin::FindConversations find_conversations(gateway::Journal& journal, std::shared_ptr<const config::Config> config);

}  // namespace usher::app
