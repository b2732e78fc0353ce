// A sender's memory: the history of their conversations and the facts they asked to remember, in one database that
// belongs to them (or to the role's shared one). Opening is slow and happens on the pool; operations on an open store
// take microseconds and run on the event loop. A store is used by one thread at a time.
//
// A damaged database is set aside where it lies (store/quarantine.h) by whoever meets the damage, in opening it or in
// the middle of its use: that operation is ErrorKind::corrupt, the operator finds an error in the log, every later use
// of the same store is corrupt too, and the next open makes a fresh one. No other sender's database is touched.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "base/result.h"

namespace usher::memory {

// One message of a history. `author` is "user", "assistant" or "tool"; `extra` is "" or a JSON object the agent
// understands (tool calls, tool_call_id); memory does not read it.
struct Entry {
  std::string author;
  std::string text;
  std::string extra;
};

struct Fact {
  std::int64_t id = 0;
  std::string text;
  std::string created;  // ISO 8601
};

// Where a fact was told and may be recalled: facts of a private chat are not recalled in a group.
enum class Audience { private_chat, group };

class MemoryStore {
 public:
  virtual ~MemoryStore() = default;

  // The newest `max_entries` entries (1000 are kept) in order, cut so that they begin with a "user" entry.
  virtual Result<std::vector<Entry>> history(std::string_view conversation, std::size_t max_entries) = 0;
  // All or nothing. Keyed by `turn`: appending the same turn again changes nothing (a repeated turn after a crash).
  virtual Result<void> append(std::string_view conversation, std::string_view turn, std::span<const Entry> entries) = 0;
  virtual Result<void> clear_history(std::string_view conversation) = 0;

  // `owner` is the sender digest: in a shared database facts still belong to who told them to it, and everybody of the
  // role recalls them. At most 4 KiB of UTF-8 a fact (else invalid), 1000 facts an owner and 10,000 a database (then
  // limit).
  virtual Result<std::int64_t> remember(std::string_view owner, Audience told_in, std::string_view text) = 0;
  // BM25, best first; in a group only facts told in a group. An empty query lists the newest. Facts that share no word
  // with the query are not recalled.
  virtual Result<std::vector<Fact>> recall(Audience asked_in, std::string_view query, std::size_t max_facts) = 0;
  // False when there is no such fact (in a group: none that was told in a group).
  virtual Result<bool> forget(Audience asked_in, std::int64_t id) = 0;
};

// Opens and keeps open: an LRU of at most `max_open` databases, those in use apart. Files are named as text, as
// std::filesystem takes each path apart and these come with every message.
class MemoryStores {
 public:
  virtual ~MemoryStores() = default;
  // Creates the file (0600) and its directories (0700) when missing. Opening the same path twice at once opens it once.
  virtual Task<Result<std::shared_ptr<MemoryStore>>> open(std::string file) = 0;
  // What open() would give without waiting; null when the file is not open (or first needs care on the pool): then
  // open() it. Holding the pointer keeps the database open.
  virtual std::shared_ptr<MemoryStore> cached(const std::string& file) = 0;
  virtual std::size_t open_count() const = 0;

  // For backups: makes `to` (a new file) a copy of the database as of one moment, on the pool; who opens it meanwhile
  // waits. False, and nothing made, while somebody uses it: then copy_now() it. not_found when there is no such file.
  virtual Task<Result<bool>> copy(std::string file, std::filesystem::path to) = 0;
  // The same here and now, used or not: blocks the event loop, so nothing is written meanwhile. busy when the pool has
  // it and is too slow.
  virtual Result<void> copy_now(const std::string& file, const std::filesystem::path& to) = 0;
};

// `pool` runs the blocking part of open, and closes what is evicted. `clock` must outlive the stores. An open database
// takes some 100 kB while it is among the 128 asked for last and 60 kB after that; opening one that exists takes 100 µs
// (bench/memory).
std::unique_ptr<MemoryStores> make_memory_stores(asio::any_io_executor pool, const Clock& clock,
                                                 std::size_t max_open = 1024);

// The databases that were set aside beneath data_dir and are still there, sorted: what an operator has to look at.
// Reads directories only; blocking, any thread.
std::vector<std::filesystem::path> quarantined_memories(const std::filesystem::path& data_dir);

// One database without a cache around it: for commands that open it themselves. Blocking; any thread.
Result<std::shared_ptr<MemoryStore>> open_memory_store(const std::filesystem::path& file, const Clock& clock);

}  // namespace usher::memory
