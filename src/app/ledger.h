// The ledger as config.toml describes it, and the rows that the process itself writes.
#pragma once

#include <memory>
#include <optional>

#include "audit/durable_ledger.h"
#include "audit/opening.h"
#include "base/async.h"
#include "base/clock.h"
#include "config/config.h"
#include "net/http_client.h"

namespace usher::app {

// The key that signs, checked against the pinned one. A pair is made where config names none, there is none, and
// nothing was ever signed. not_found, with what to do, when the key of a ledger is missing; invalid when `verify_key`
// is not the public key of the private one. Blocks.
Result<audit::SigningKey> signing_key(const config::Config& config);

// What open_ledger would find, without making anything: nullopt where neither ledger, checkpoints nor key is there yet.
// Errors as of open_ledger. Blocks.
Result<std::optional<audit::Opened>> look_at_ledger(const config::Config& config);

// Opens <data_dir>/ledger.db, which must be a folder that is there. `http`: for the witness, nullptr = none is told. It
// and `clock` outlive the ledger. Blocks.
Result<std::unique_ptr<audit::DurableLedger>> open_ledger(const config::Config& config, const Clock& clock,
                                                          asio::any_io_executor loop, asio::any_io_executor pool,
                                                          net::HttpClient* http);

// "process:start:gateway" or "process:stop:gateway" with usher's version and the digest of config.toml.
audit::Record process_record(const config::Config& config, const std::string& action);

}  // namespace usher::app
