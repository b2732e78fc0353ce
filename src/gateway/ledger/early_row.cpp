#include "gateway/ledger/early_row.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <utility>

namespace usher::gateway {

std::shared_ptr<EarlyRow> EarlyRow::begin(const asio::any_io_executor& loop, audit::Ledger& ledger,
                                          audit::Record record) {
  const std::shared_ptr<EarlyRow> row(new EarlyRow(loop, std::move(record)));
  asio::co_spawn(loop, ledger.append(row->record_), [row](std::exception_ptr error, Result<void> written) {
    if (error) written = fail(ErrorKind::internal, "the ledger failed with an exception");
    row->outcome_ = std::move(written);
    row->ended_.cancel();
  });
  return row;
}

Task<Result<void>> EarlyRow::written() {
  if (!outcome_) {
    boost::system::error_code ignored;
    co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  if (!outcome_) co_return fail(ErrorKind::cancelled, "nobody waits for the row any more");
  co_return *outcome_;
}

}  // namespace usher::gateway
