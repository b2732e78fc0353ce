#include "net/unix_address.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace usher::net {

namespace {

constexpr std::size_t max_path_bytes = sizeof(sockaddr_un::sun_path) - 1;

}  // namespace

Result<UnixAddress> UnixAddress::of(const std::filesystem::path& file) {
  UnixAddress address;
  std::string path = file.native();
  if (path.size() > max_path_bytes) {
    address.folder_ = ::open(file.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (address.folder_ < 0) {
      return fail(errno == ENOENT ? ErrorKind::not_found : ErrorKind::io,
                  fmt::format("cannot open {}: {}", file.parent_path().native(), std::strerror(errno)));
    }
    path = fmt::format("/proc/self/fd/{}/{}", address.folder_, file.filename().native());
  }
  if (path.size() > max_path_bytes) return fail(ErrorKind::invalid, fmt::format("the name {} is too long", path));
  sockaddr_un native{};
  native.sun_family = AF_UNIX;
  std::memcpy(native.sun_path, path.c_str(), path.size() + 1);
  address.endpoint_ = StreamEndpoint(&native, offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

UnixAddress::~UnixAddress() {
  if (folder_ >= 0) ::close(folder_);
}

}  // namespace usher::net
