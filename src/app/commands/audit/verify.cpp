// `usher audit verify`
#include <fmt/format.h>

#include <fstream>

#include "app/commands/audit/commands.h"
#include "app/commands/audit/source.h"
#include "app/exit_status.h"
#include "audit/check/bundle.h"
#include "audit/check/verify.h"
#include "base/json.h"

namespace usher::app {
namespace {

int complain(const Error& error) {
  if (error.message.empty()) return kBadConfiguration;  // its problems were printed
  fmt::print(stderr, "usher: {}\n", error.message);
  return kError;
}

json::value finding_json(const std::optional<audit::Finding>& finding) {
  if (!finding) return nullptr;
  return json::object{{"row", finding->row == 0 ? json::value(nullptr) : json::value(finding->row)},
                      {"what", finding->what},
                      {"expected", finding->expected},
                      {"found", finding->found}};
}

void print_finding(const audit::Finding& finding) {
  fmt::print("CHANGED      {}\n", finding.what);
  if (!finding.expected.empty()) fmt::print("  expected   {}\n  found      {}\n", finding.expected, finding.found);
}

void print_key(const AuditSource& source) {
  fmt::print("key          {}\n             {}\n", source.key.text(), source.trust);
}

void print_count(std::uint64_t rows) { fmt::print("rows         {} {} right\n", rows, rows == 1 ? "is" : "are"); }

int report_ledger(const AuditSource& source, const audit::VerifyReport& report, bool as_json) {
  if (as_json) {
    json::array notices;
    for (const std::string& notice : report.notices) notices.push_back(json::string(notice));
    fmt::print("{}\n", json::serialize(json::object{{"valid", !report.finding},
                                                    {"ledger", source.ledger.string()},
                                                    {"key", source.key.text()},
                                                    {"key_is_pinned", source.is_pinned},
                                                    {"rows", report.rows},
                                                    {"root", to_hex(report.root)},
                                                    {"checkpoints", report.checkpoints},
                                                    {"signed_rows", report.signed_rows},
                                                    {"finding", finding_json(report.finding)},
                                                    {"notices", std::move(notices)}}));
  } else {
    fmt::print("ledger       {}\n", source.ledger.string());
    print_key(source);
    print_count(report.rows);
    if (report.checkpoints == 0) fmt::print("checkpoints  none\n");
    if (report.checkpoints > 0) {
      fmt::print("checkpoints  {} fit the rows; the newest is of {}\n", report.checkpoints, report.signed_rows);
    }
    for (const std::string& notice : report.notices) fmt::print("note         {}\n", notice);
    if (report.finding) print_finding(*report.finding);
    if (!report.finding) fmt::print("nothing was changed\n");
  }
  return report.finding ? kGateTripped : kFine;
}

int report_bundle(const AuditSource& source, const audit::BundleReport& report, bool as_json) {
  if (as_json) {
    fmt::print("{}\n", json::serialize(json::object{{"valid", !report.finding},
                                                    {"key", source.key.text()},
                                                    {"key_is_pinned", source.is_pinned},
                                                    {"origin", report.origin},
                                                    {"first", report.range.first},
                                                    {"last", report.range.last},
                                                    {"rows", report.rows},
                                                    {"signed_rows", report.signed_rows},
                                                    {"finding", finding_json(report.finding)}}));
  } else {
    print_key(source);
    print_count(report.rows);
    if (report.finding) {
      print_finding(*report.finding);
    } else {
      fmt::print("nothing was changed: rows {} to {} of '{}', which has {} or more\n", report.range.first,
                 report.range.last, report.origin, report.signed_rows);
    }
  }
  return report.finding ? kGateTripped : kFine;
}

int verify_bundle(const AuditSource& source, const AuditRequest& request) {
  std::ifstream file(request.bundle, std::ios::binary);
  if (!file) return complain({ErrorKind::io, fmt::format("cannot open '{}'", request.bundle)});
  audit::BundleVerifier verifier(source.key);
  // A line is bounded whatever the file holds; one that is cut here is no row.
  std::string line;
  bool goes_on = true;
  const auto end_line = [&] {
    goes_on = verifier.add_line(line);
    line.clear();
  };
  for (char c = 0; goes_on && file.get(c);) {
    if (c == '\n') {
      end_line();
    } else if (line.size() <= audit::kMaxHeaderBytes) {
      line.push_back(c);
    }
  }
  if (goes_on && !line.empty()) end_line();
  if (file.bad()) return complain({ErrorKind::io, fmt::format("cannot read '{}'", request.bundle)});
  return report_bundle(source, verifier.finish(), request.as_json);
}

}  // namespace

int audit_verify(const AuditRequest& request) {
  Result<AuditSource> source = find_audit_source(request);
  if (!source) return complain(source.error());
  if (!request.bundle.empty()) return verify_bundle(*source, request);
  Result<audit::VerifyReport> report =
      audit::verify_ledger({source->ledger, source->checkpoint_file, source->key, source->origin});
  if (!report) return complain(report.error());
  return report_ledger(*source, *report, request.as_json);
}

}  // namespace usher::app
