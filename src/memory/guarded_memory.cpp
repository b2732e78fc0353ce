#include "memory/guarded_memory.h"

#include <spdlog/spdlog.h>

#include "base/log.h"
#include "store/quarantine.h"

namespace usher::memory {

void set_aside(const std::filesystem::path& file, const Clock& clock, const Error& damage) {
  Result<std::filesystem::path> aside = store::quarantine(file, clock.wall());
  if (aside) {
    spdlog::error(
        "a memory is damaged: {}. It is now {} and a fresh one takes its place; sqlite3 with .recover reads what is "
        "left",
        damage.message, aside->string());
  } else {
    spdlog::error("a memory is damaged and stays in its place: {}; {}", damage.message, aside.error().message);
  }
}

Result<std::shared_ptr<GuardedMemory>> GuardedMemory::open(const std::filesystem::path& file, const Clock& clock) {
  Result<std::shared_ptr<SqliteMemory>> opened = SqliteMemory::open(file, clock);
  if (opened) return std::make_shared<GuardedMemory>(std::move(*opened), file, clock);
  if (opened.error().kind == ErrorKind::corrupt) set_aside(file, clock, opened.error());
  return fail(std::move(opened.error()));
}

}  // namespace usher::memory
