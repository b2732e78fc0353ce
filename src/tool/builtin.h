// The built-in tools, and what their calls touch (sensitivity in parentheses):
//
//   product_search, product_info        product:read:catalog (0)      resource: the query or id
//   knowledge_search                    knowledge:read:<collection, "all" or "other"> (1)    the collection or ""
//   memory_recall                       memory:read:facts (2)         the query
//   memory_store, memory_forget         memory:write:facts (2)        "" or the fact's number
//   file_list, file_read                file:read:workspace (1), file:read:files (2)     the path
//   file_write, file_edit               file:write:files (2)          the path
//   delegate                            agent:delegate:task (0)
//
// file_list without a path reads file:read:all (2). A search of all collections is in the end one of those that may be
// searched by name, too. A collection whose name does not fit into an action, or is "all", is "other"; a path that is
// none is "unknown", and the call is refused.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "memory/documents.h"
#include "memory/memory.h"
#include "rbac/role.h"
#include "tool/call_records.h"
#include "tool/tool.h"

namespace usher::tool {

// A task handed to a subagent, which has at most what its parent has.
struct Delegation {
  std::string task;
  std::optional<std::vector<std::string>> tools;  // names or globs; absent = the parent's own
  std::optional<policy::PolicyDocument> policy;   // absent = the parent's own
};
// Runs it to its end; the subagent's answer. denied with a sentence for the model when more is asked than the parent
// has.
using Delegate = std::function<Task<Result<std::string>>(Delegation, Deadline)>;
constexpr int kMaxDepth = 3;

// Everything the tools of one turn may touch. Lives at least as long as the tools.
struct Seat {
  std::shared_ptr<const rbac::RoleContext> context;
  std::shared_ptr<const rbac::Workspace> workspace;
  std::shared_ptr<memory::MemoryStore> memory;
  std::string sender_digest;
  memory::Audience audience = memory::Audience::private_chat;
  asio::any_io_executor pool;  // for blocking work
  Delegate delegate;           // empty: no subagents here
  CallRecords records;
};

// The specs of all built-in tools, in the order they are offered (stable: prompt caches depend on it).
std::span<const ToolSpec> builtin_specs();

// One built-in tool bound to a seat; nullptr for an unknown name. `seat` must outlive the tool.
std::unique_ptr<Tool> make_builtin(std::string_view name, const Seat& seat);

}  // namespace usher::tool
