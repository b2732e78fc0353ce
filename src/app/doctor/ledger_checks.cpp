// The doctor's look at the ledger, its key and its checkpoints together, as a start looks at them.
#include <fmt/format.h>

#include "app/doctor/host_checks.h"
#include "app/ledger.h"

namespace usher::app {

Findings check_ledger(const config::Config& config) {
  const std::string ledger = (config.gateway.data_dir / "ledger.db").native();
  const Result<std::optional<audit::Opened>> opened = look_at_ledger(config);
  if (!opened && opened.error().kind == ErrorKind::busy) {
    return {{Health::warning, "is in use and cannot be looked at: " + opened.error().message, ledger,
             "look again when the gateway is stopped"}};
  }
  if (!opened) {
    return {{Health::error, "usher does not start on this ledger: " + opened.error().message, ledger,
             "docs/audit.md says what to do (\"When usher does not start on its ledger\")"}};
  }
  if (!*opened) return {};
  return {{Health::ok,
           fmt::format("goes on where its checkpoints left off: {} rows, {} of them signed", (*opened)->rows,
                       (*opened)->signed_rows),
           ledger, ""}};
}

}  // namespace usher::app
