// Full-text search (SQLite FTS5, BM25) over documents read from files: a workspace's catalog.jsonl and the knowledge
// collections. The index is a cache in data_dir, rebuilt for files whose size, time or inode changed, and as a whole
// when it is damaged. Blocking: call it on the pool. Each call opens what it needs; safe from several threads.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace usher::memory {

struct Hit {
  std::string source;  // file name relative to the root ("catalog.jsonl", "returns.md")
  std::string id;      // catalogue: the product's id; knowledge: "returns.md#2" (the second passage)
  std::string title;
  std::string text;  // catalogue: the JSON line; knowledge: the passage (at most 2 KiB)
};

// Products: one JSON object a line with "id" and "name" (or "title"); all string, number and boolean members are
// searched. Bad lines are skipped and counted in the log. not_found when there is no catalog.jsonl.
Result<std::vector<Hit>> search_catalog(const std::filesystem::path& index_db,
                                        const std::filesystem::path& workspace_root, std::string_view query,
                                        std::size_t max_hits);
Result<Hit> product(const std::filesystem::path& index_db, const std::filesystem::path& workspace_root,
                    std::string_view id);

// Passages of the *.md and *.txt files of each collection (a folder beneath knowledge_root; at most 64 MiB each).
// Collections that do not exist have no hits.
Result<std::vector<Hit>> search_knowledge(const std::filesystem::path& index_dir,
                                          const std::filesystem::path& knowledge_root,
                                          std::span<const std::string> collections, std::string_view query,
                                          std::size_t max_hits);
// The folders beneath knowledge_root, sorted.
std::vector<std::string> collections_of(const std::filesystem::path& knowledge_root);

}  // namespace usher::memory
