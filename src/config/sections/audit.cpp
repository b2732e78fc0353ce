// [audit]: the ledger's keys, where its checkpoints go and how often.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/hash.h"
#include "config/sections/sections.h"

namespace usher::config {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

bool is_origin(std::string_view name) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || c == ':' || c == '/';
  };
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, is_part);
}

// name+8 hex digits+base64(0x01 ‖ 32 bytes). Whether the digits are right is seen when the key is used.
bool looks_like_verify_key(std::string_view text) {
  const std::size_t first = text.find('+');
  if (first == std::string_view::npos || first == 0 || text.size() < first + 10 || text[first + 9] != '+') return false;
  const std::optional<std::string> key = from_base64(text.substr(first + 10));
  return key && key->size() == 33 && key->front() == 1;
}

void read_key_file(Loading& loading, const TableReader& table) {
  const std::optional<Text> written = table.text("key_file");
  if (!written) return;
  Audit& audit = loading.config.audit;
  audit.key_file = absolute_from(loading.base, written->value);
  audit.is_key_file_default = false;
  if (!loading.checks_files) return;
  struct stat status{};
  if (::stat(audit.key_file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    loading.problems.error(written->source,
                           fmt::format("'key_file' names no file: {}; usher audit keygen --out {} makes one",
                                       quote(written->written), written->written));
  } else if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    loading.problems.error(written->source, fmt::format("'key_file' is a file that others can use; run chmod 600 {}",
                                                        audit.key_file.filename().string()));
  }
}

void read_verify_key(Loading& loading, const TableReader& table) {
  const std::optional<Text> key = table.text("verify_key");
  if (!key) return;
  if (!looks_like_verify_key(key->value)) {
    loading.problems.error(
        key->source, "'verify_key' is no public key; write what is in ledger.pub, or what usher audit keygen printed");
  }
  loading.config.audit.verify_key = key->value;
}

void read_origin(Loading& loading, const TableReader& table) {
  const std::optional<Text> origin = table.text("origin");
  if (!origin) return;
  if (!is_origin(origin->value)) {
    loading.problems.error(origin->source, fmt::format("{} is no origin; use 1 to 64 of A-Z a-z 0-9 _ - . : /, like "
                                                       "'usher.example.com'",
                                                       quote(origin->written)));
  }
  loading.config.audit.origin = origin->value;
}

}  // namespace

void read_audit(Loading& loading, const TableReader& root) {
  Audit& audit = loading.config.audit;
  const fs::path& data_dir = loading.config.gateway.data_dir;
  audit.key_file = data_dir / "ledger.key";
  audit.checkpoint_file = data_dir / "checkpoints";
  const std::optional<TableReader> table = root.table("audit", kAudit);
  if (!table) return;
  read_key_file(loading, *table);
  read_verify_key(loading, *table);
  read_origin(loading, *table);
  const std::optional<Text> checkpoints = table->text("checkpoint_file");
  if (checkpoints) audit.checkpoint_file = absolute_from(loading.base, checkpoints->value);
  const std::optional<Text> witness = table->text("witness_url");
  if (witness) audit.witness_url = read_url(loading.problems, *witness, "witness_url", false).value_or("");
  audit.checkpoint_rows = table->integer_or("checkpoint_rows", audit.checkpoint_rows, 1, 1'000'000);
  audit.checkpoint_every = table->seconds("checkpoint_s", audit.checkpoint_every, seconds(1), seconds(86'400));
  audit.rotate_rows = table->integer_or("rotate_rows", audit.rotate_rows, 1000, 1'000'000'000);
}

}  // namespace usher::config
