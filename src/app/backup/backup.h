// Makes backups of a data_dir that is in use. First everything that belongs to one sender is copied while people go on,
// as often as it takes until little has changed meanwhile; then the event loop stands still for a moment, in which what
// has changed is copied again and a snapshot of each shared database is taken, the ledger's last; these are copied
// afterwards. So the backup is one moment of the whole: nothing in it lacks its ledger row, and what was sent stands in
// its sender's memory. The manifest is written last.
//
// Event-loop thread; may be destroyed while a backup runs, which then stays incomplete.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "admin/backups.h"
#include "base/async.h"
#include "base/clock.h"
#include "memory/memory.h"

namespace usher::app {

// All references must outlive the last handler of `loop`; `pool` is joined before `loop` is destroyed.
std::unique_ptr<admin::Backups> make_backups(std::filesystem::path data_dir, asio::any_io_executor loop,
                                             asio::any_io_executor pool, memory::MemoryStores& memories,
                                             const Clock& clock);

}  // namespace usher::app
