// Expected failures as values: Result<T> is std::expected<T, Error>. A broken world (out of memory, a logic error)
// throws instead; sessions and turns are the catch boundaries.
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <utility>

namespace usher {

// What a caller can do about an error. The wording belongs into Error::message.
enum class ErrorKind {
  invalid,      // the input is malformed; repeating it cannot help
  not_found,    // the named thing does not exist
  denied,       // not allowed for this sender, role or path
  limit,        // a rate window or a budget is used up; retry_after says when to come back
  busy,         // the other side asks to wait (429, 529, SQLITE_BUSY); retry_after where it said so
  timeout,      // a deadline passed
  unavailable,  // refused, reset, 5xx: the other side is not there now
  protocol,     // the other side answered something that is not its protocol
  io,           // a file, disk or database operation failed
  corrupt,      // a database is damaged: its bytes are not what was written
  cancelled,    // given up by us: shutdown, /stop
  internal,     // a bug or a broken invariant
};

// The kind's name as used in logs and JSON: "invalid", "not_found", …
const char* to_string(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;  // for logs and operators; says what, where and what to do; holds no secret
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
};

template <class T>
using Result = std::expected<T, Error>;

// Makes the error alternative of any Result: `return fail(ErrorKind::io, "cannot open x");`
inline std::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return std::unexpected(Error{kind, std::move(message)});
}
inline std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }

}  // namespace usher
