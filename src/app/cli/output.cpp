#include "app/cli/output.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstring>

namespace usher::app {

Result<void> write_out(std::string_view text, int earlier) {
  int error = earlier;
  if (std::fwrite(text.data(), 1, text.size(), stdout) < text.size()) error = errno;
  if (std::fflush(stdout) != 0) error = errno;
  if (std::ferror(stdout) == 0) return {};
  std::clearerr(stdout);
  return fail(output_error(error));
}

Error output_error(int number) {
  return {ErrorKind::io, fmt::format("cannot write to stdout: {}", std::strerror(number))};
}

}  // namespace usher::app
