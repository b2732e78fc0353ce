// `usher audit keygen|verify|export|tail|proof`: the ledger, looked at from outside. All but keygen only read, also
// beside a running gateway. Each returns an ExitStatus; kGateTripped where something was changed.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>

namespace usher::app {

struct AuditRequest {
  std::string config_file = "./config.toml";
  std::string key;         // a public key; "" = that of config, or of data_dir
  std::string ledger;      // a ledger.db; "" = that of config
  std::string checkpoint;  // a file of checkpoints; "" = that of config
  std::string bundle;      // of verify; "" = the ledger itself
  std::string out;         // of keygen and export; "" = the configured key, stdout
  std::uint64_t first = 1;
  std::uint64_t last = 0;  // 0 = the last row that is signed
  std::uint64_t count = 20;
  bool follows = false;
  bool as_json = false;
};

int audit_keygen(const AuditRequest& request);
int audit_verify(const AuditRequest& request);
// Rows first to last as a bundle.
int audit_export(const AuditRequest& request);
// With `follows` until the process is ended.
int audit_tail(const AuditRequest& request);

// Declares them; what was chosen is handed to `choose`.
void add_audit_commands(CLI::App& app, const std::function<void(std::function<int()> run)>& choose);

}  // namespace usher::app
