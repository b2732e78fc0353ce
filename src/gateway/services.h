// What the gateway is given by the composition root: the parts of usher that every turn is made of. Event-loop thread;
// copied freely.
#pragma once

#include <memory>

#include "audit/ledger.h"
#include "base/async.h"
#include "base/clock.h"
#include "config/config.h"
#include "gateway/journal.h"
#include "gateway/links/links.h"
#include "gateway/models.h"
#include "limits/budget.h"
#include "limits/rate.h"
#include "memory/memory.h"
#include "rbac/role.h"

namespace usher::gateway {

// All references outlive the gateway.
struct Services {
  std::shared_ptr<const config::Config> config;
  const Clock& clock;
  Journal& journal;
  audit::Ledger& ledger;
  const rbac::RoleResolver& roles;
  const rbac::WorkspaceSelector& workspaces;
  Links& links;
  memory::MemoryStores& memories;
  limits::RateWindows& windows;
  limits::Budgets& budgets;
  const Models& models;
  asio::any_io_executor pool;  // blocking work
};

}  // namespace usher::gateway
