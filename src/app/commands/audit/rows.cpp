// keygen, export and tail; verify has a file of its own.
#include "app/commands/audit/commands.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <thread>

#include "app/cli/command_line.h"
#include "app/cli/output.h"
#include "app/commands/audit/source.h"
#include "app/exit_status.h"
#include "audit/check/bundle.h"
#include "audit/note/key_file.h"
#include "base/descriptor.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace usher::app {
namespace {

namespace fs = std::filesystem;

constexpr auto kLookAgain = std::chrono::milliseconds(250);

int complain(const Error& error) {
  if (error.message.empty()) return kBadConfiguration;  // its problems were printed
  fmt::print(stderr, "usher: {}\n", error.message);
  return kError;
}

// Lines to a file that is new and private, or to stdout.
class Output {
 public:
  static Result<Output> open(const fs::path& file) {
    if (file.empty()) return Output(Descriptor(::dup(STDOUT_FILENO)));
    Descriptor descriptor(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!descriptor) return fail(file_error(errno, "create", file.native()));
    return Output(std::move(descriptor));
  }
  bool add(std::string_view line) {
    pending_.append(line).push_back('\n');
    return pending_.size() < kFlushAt || flush();
  }
  bool flush() {
    error_ = write_all(descriptor_.get(), pending_);
    pending_.clear();
    return error_ == 0;
  }
  int error() const { return error_; }

 private:
  static constexpr std::size_t kFlushAt = 64u << 10;
  explicit Output(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  Descriptor descriptor_;
  std::string pending_;
  int error_ = 0;
};

void print_row(const audit::Row& row, bool as_json) {
  const audit::Record& record = row.record;
  if (as_json) {
    fmt::print("{}\n", json::serialize(audit::to_json(row)));
    return;
  }
  std::string where = record.tenant.empty() ? std::string() : printable(record.tenant, 64) + " ";
  where += printable(record.who, 80);
  if (!record.role.empty()) where += fmt::format(" ({})", printable(record.role, 80));
  fmt::print("{:>8}  {}  {:10} {:7}  {}  {}{}{}  {}\n", row.number, to_iso8601(row.at), to_string(record.kind),
             to_string(record.outcome), where, printable(record.action, 100), record.resource.empty() ? "" : " on ",
             printable(record.resource, 100), printable(record.detail, 300));
}

// The last rows; answers the number of the next one.
Result<std::uint64_t> print_last(audit::LedgerReader& reader, std::uint64_t count, bool as_json) {
  Result<audit::Head> head = reader.head();
  if (!head) return fail(std::move(head.error()));
  const std::uint64_t first = head->size() - std::min(count, head->size()) + 1;
  std::uint64_t next = first;
  Result<void> read = reader.each_row(first, head->size(), [&](std::uint64_t number, const Result<audit::Row>& row) {
    if (row) print_row(*row, as_json);
    if (!row) fmt::print(stderr, "usher: row {} cannot be read: {}\n", number, row.error().message);
    next = number + 1;
    return true;
  });
  if (!read) return fail(std::move(read.error()));
  Result<void> written = write_out();  // who follows is to see it now, and to end when nobody can
  if (!written) return fail(std::move(written.error()));
  return next;
}

// "ledger-11-20.jsonl" in a folder that is there.
fs::path file_to_write(const fs::path& out, const audit::BundleRange& range) {
  std::error_code ignored;
  if (!fs::is_directory(out, ignored)) return out;
  return out / fmt::format("ledger-{}-{}.jsonl", range.first, range.last);
}

}  // namespace

int audit_keygen(const AuditRequest& request) {
  fs::path file = request.out;
  std::string name = "usher";
  if (file.empty()) {
    const std::shared_ptr<const config::Config> config = load_or_complain(request.config_file);
    if (!config) return kBadConfiguration;
    Result<void> made = make_private_directories(config->audit.key_file.parent_path());
    if (!made) return complain(made.error());
    file = config->audit.key_file;
    name = config->audit.origin;
  }
  Result<audit::SigningKey> key = audit::make_key_file(file, name);
  if (!key) return complain(key.error());
  const std::string public_key = key->verify_key().text();
  if (request.as_json) {
    fmt::print("{}\n", json::serialize(json::object{{"key_file", file.string()}, {"verify_key", public_key}}));
    return kFine;
  }
  fmt::print(stderr, "{} is the private key; the public one, for verify_key in [audit], is:\n", file.string());
  fmt::print("{}\n", public_key);
  return kFine;
}

int audit_export(const AuditRequest& request) {
  Result<AuditSource> source = find_audit_source(request);
  if (!source) return complain(source.error());
  Result<audit::History> history = audit::read_history(source->checkpoint_file, source->key, source->origin);
  if (!history) return complain(history.error());
  if (history->finding) return complain({ErrorKind::invalid, history->finding->what});
  Result<std::unique_ptr<audit::LedgerReader>> reader = audit::open_ledger_reader(source->ledger);
  if (!reader) return complain(reader.error());
  const audit::BundleRange range{request.first, request.last == 0 ? history->signed_rows() : request.last};
  if (range.last == 0) return complain({ErrorKind::not_found, "no row is signed yet, so there is nothing to export"});
  std::optional<Output> output;
  const fs::path file = file_to_write(request.out, range);
  Error refused;
  // Opened with the first line, so that what cannot be exported leaves no file.
  Result<void> made = audit::make_bundle(**reader, *history, range, [&](std::string_view line) {
    if (!output) {
      Result<Output> opened = Output::open(file);
      if (!opened) refused = std::move(opened.error());
      if (!opened) return false;
      output = std::move(*opened);
    }
    return output->add(line);
  });
  if (!made) return complain(made.error());
  if (!output) return complain(refused);
  if (!output->flush()) {
    return complain(file.empty() ? output_error(output->error()) : file_error(output->error(), "write", file.native()));
  }
  if (!file.empty()) fmt::print(stderr, "rows {} to {} are in {}\n", range.first, range.last, file.string());
  return kFine;
}

int audit_tail(const AuditRequest& request) {
  fs::path ledger = request.ledger;
  if (ledger.empty()) {
    const std::shared_ptr<const config::Config> config = load_or_complain(request.config_file);
    if (!config) return kBadConfiguration;
    ledger = config->gateway.data_dir / "ledger.db";
  }
  Result<std::unique_ptr<audit::LedgerReader>> reader = audit::open_ledger_reader(ledger);
  if (!reader) return complain(reader.error());
  Result<std::uint64_t> next = print_last(**reader, request.count, request.as_json);
  while (next && request.follows) {
    std::this_thread::sleep_for(kLookAgain);
    Result<void> refreshed = (*reader)->refresh();
    if (!refreshed) return complain(refreshed.error());
    Result<audit::Head> head = (*reader)->head();
    if (!head) return complain(head.error());
    next = print_last(**reader, head->size() + 1 - std::min(*next, head->size() + 1), request.as_json);
  }
  return next ? kFine : complain(next.error());
}

}  // namespace usher::app
