// A ledger in memory: what was appended, in order. Fails while `failure` is set; then nothing is kept.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "audit/ledger.h"

namespace usher::testing {

class FakeLedger final : public audit::Ledger {
 public:
  Task<Result<void>> append(audit::Record record) override {
    if (failure) {
      const Error refusal = *failure;
      if (on_refusal) on_refusal();
      co_return fail(refusal);
    }
    if (record.action == refused_action) co_return fail(ErrorKind::io, "the disk is full");
    if (on_append) co_await on_append();
    records.push_back(std::move(record));
    co_return Result<void>();
  }
  Task<Result<void>> append_all(std::vector<audit::Record> given) override {
    if (failure) co_return fail(*failure);
    for (audit::Record& record : given) records.push_back(std::move(record));
    co_return Result<void>();
  }

  std::vector<audit::Record> records;
  std::optional<Error> failure;
  std::function<void()> on_refusal;       // after a row was refused by `failure`
  std::string refused_action;             // rows of it alone cannot be written
  std::function<Task<void>()> on_append;  // what else happens while a row is written
};

}  // namespace usher::testing
