// The file api.db: its schema and the two connections to it, shared by the stores of tokens and of events. All SQL of
// this module stands in the files *_sqlite.cpp.
#pragma once

#include <memory>

#include "admin/tokens.h"
#include "store/sqlite.h"
#include "store/writer.h"

namespace usher::admin {

struct ApiDatabase {
  // Event-loop thread. A connection of its own, so that a read never waits for a commit's fsync, and sees what another
  // process has committed.
  store::Database reader;
  store::Writer writer;  // last: its thread is joined before anything else goes

  ApiDatabase(store::Database for_reading, store::Database for_writing, asio::any_io_executor loop)
      : reader(std::move(for_reading)), writer(std::move(for_writing), std::move(loop)) {}
};

std::unique_ptr<TokenStore> make_token_store(std::shared_ptr<ApiDatabase> database);
std::unique_ptr<EventStore> make_event_store(std::shared_ptr<ApiDatabase> database, std::size_t max_events);

}  // namespace usher::admin
