// The SQLite implementation of MemoryStore: one database, opened on the pool, then used by one thread at a time.
#pragma once

#include <memory>
#include <optional>

#include "memory/memory.h"
#include "store/sqlite.h"

namespace usher::memory {

class SqliteMemory final : public MemoryStore {
 public:
  // Blocking. Creates the file and its directories when missing.
  static Result<std::shared_ptr<SqliteMemory>> open(const std::filesystem::path& file, const Clock& clock);
  SqliteMemory(store::Database database, const Clock& clock) : database_(std::move(database)), clock_(clock) {}

  Result<std::vector<Entry>> history(std::string_view conversation, std::size_t max_entries) override;
  Result<void> append(std::string_view conversation, std::string_view turn, std::span<const Entry> entries) override;
  Result<void> clear_history(std::string_view conversation) override;
  Result<std::int64_t> remember(std::string_view owner, Audience told_in, std::string_view text) override;
  Result<std::vector<Fact>> recall(Audience asked_in, std::string_view query, std::size_t max_facts) override;
  Result<bool> forget(Audience asked_in, std::int64_t id) override;

  // Gives back what the next operation can have again, more slowly.
  void rest() { database_.release_memory(); }
  // The log has grown so far that somebody with time to wait should copy it back.
  bool wants_checkpoint() const;
  // Blocking: syncs the disk.
  void checkpoint();
  Result<void> copy_to(const std::filesystem::path& to) { return database_.back_up_to(to); }
  // Before closing for a while: a long log would make the next open slow.
  void checkpoint_before_close();

 private:
  Result<std::int64_t> id_of(std::string_view conversation);
  Result<std::int64_t> id_made_for(std::string_view conversation);
  Result<std::int64_t> newest_of(std::int64_t conversation);
  Result<bool> insert_all(std::string_view conversation, std::string_view turn, std::span<const Entry> entries);
  Result<void> prune(std::int64_t conversation, std::int64_t newest);
  Result<void> check_room(std::string_view owner);
  Result<bool> has_facts();

  store::Database database_;
  const Clock& clock_;
  std::optional<bool> has_facts_;  // most people never ask to remember anything: then recall costs nothing
};

}  // namespace usher::memory
