// The built-in tools:
//   product_search, product_info       the workspace's catalog.jsonl       read     product:read:catalog   resource =
//   id or query knowledge_search                   collections in rag_access           read knowledge:read:<collection
//   or "all"> memory_recall | _store, _forget    the sender's facts                  read | write   memory:read:facts |
//   memory:write:facts file_list, file_read | _write, _edit   "workspace/…" (read-only) and "files/…" (own, writable)
//   read | write
//                                      file:read:<root> | file:write:files, resource = the path
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "memory/documents.h"
#include "memory/memory.h"
#include "rbac/role.h"
#include "tool/tool.h"

namespace usher::tool {

// Everything the tools of one turn may touch. Lives at least as long as the tools.
struct Seat {
  std::shared_ptr<const rbac::RoleContext> context;
  rbac::Workspace workspace;
  std::shared_ptr<memory::MemoryStore> memory;
  std::string sender_digest;
  memory::Audience audience = memory::Audience::private_chat;
  asio::any_io_executor pool;  // for blocking work
};

// The specs of all built-in tools, in the order they are offered (stable: prompt caches depend on it).
std::span<const ToolSpec> builtin_specs();

// One built-in tool bound to a seat; nullptr for an unknown name. `seat` must outlive the tool.
std::unique_ptr<Tool> make_builtin(std::string_view name, const Seat& seat);

}  // namespace usher::tool
