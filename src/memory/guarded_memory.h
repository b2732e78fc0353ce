// The MemoryStore that people's turns use: one that is set aside as soon as it is found damaged. Private to src/memory.
#pragma once

#include <filesystem>
#include <memory>
#include <type_traits>
#include <utility>

#include "memory/memory_sqlite.h"

namespace usher::memory {

// Moves a damaged database away and tells the operator; the next open makes a fresh one.
void set_aside(const std::filesystem::path& file, const Clock& clock, const Error& damage);

// A store that is set aside as soon as it is found damaged: whoever meets the damage is told, the next open makes a
// fresh one.
class GuardedMemory final : public MemoryStore {
 public:
  // Blocking, as SqliteMemory::open. corrupt for a damaged one, which is then set aside.
  static Result<std::shared_ptr<GuardedMemory>> open(const std::filesystem::path& file, const Clock& clock);
  GuardedMemory(std::shared_ptr<SqliteMemory> store, std::filesystem::path file, const Clock& clock)
      : store_(std::move(store)), file_(std::move(file)), clock_(clock) {}

  Result<std::vector<Entry>> history(std::string_view conversation, std::size_t max_entries) override {
    return guard([&] { return store_->history(conversation, max_entries); });
  }
  Result<void> append(std::string_view conversation, std::string_view turn, std::span<const Entry> entries) override {
    return guard([&] { return store_->append(conversation, turn, entries); });
  }
  Result<void> clear_history(std::string_view conversation) override {
    return guard([&] { return store_->clear_history(conversation); });
  }
  Result<std::int64_t> remember(std::string_view owner, Audience told_in, std::string_view text) override {
    return guard([&] { return store_->remember(owner, told_in, text); });
  }
  Result<std::vector<Fact>> recall(Audience asked_in, std::string_view query, std::size_t max_facts) override {
    return guard([&] { return store_->recall(asked_in, query, max_facts); });
  }
  Result<bool> forget(Audience asked_in, std::int64_t id) override {
    return guard([&] { return store_->forget(asked_in, id); });
  }

  bool is_damaged() const { return is_damaged_; }
  Result<void> copy_to(const std::filesystem::path& to) {
    return guard([&] { return store_->copy_to(to); });
  }
  void rest() { store_->rest(); }
  bool wants_checkpoint() const { return store_->wants_checkpoint(); }
  void checkpoint() { store_->checkpoint(); }
  void checkpoint_before_close() {
    if (!is_damaged_) store_->checkpoint_before_close();
  }

 private:
  template <class F>
  std::invoke_result_t<F> guard(F operation) {
    if (is_damaged_) return fail(ErrorKind::corrupt, file_.string() + ": found damaged before");
    std::invoke_result_t<F> result = operation();
    if (!result && result.error().kind == ErrorKind::corrupt) {
      is_damaged_ = true;
      set_aside(file_, clock_, result.error());
    }
    return result;
  }

  std::shared_ptr<SqliteMemory> store_;
  std::filesystem::path file_;
  const Clock& clock_;
  bool is_damaged_ = false;
};

}  // namespace usher::memory
