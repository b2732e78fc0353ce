#include "audit/note/key_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/descriptor.h"
#include "base/files.h"
#include "base/text.h"
#include "store/private_file.h"

namespace usher::audit {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFileBytes = 1024;

Result<void> sync(const fs::path& path, int flags) {
  const Descriptor descriptor(::open(path.c_str(), flags | O_RDONLY | O_CLOEXEC));
  if (descriptor && ::fsync(descriptor.get()) == 0) return {};
  return fail(ErrorKind::io, fmt::format("{}: cannot sync: {}", path.string(), std::generic_category().message(errno)));
}

Result<void> write_file(const fs::path& file, std::string_view text) {
  Result<void> written = store::create_private_file(file, text);
  if (written) written = sync(file, 0);
  if (written) written = sync(file.has_parent_path() ? file.parent_path() : fs::path("."), O_DIRECTORY);
  return written;
}

}  // namespace

fs::path public_key_file(const fs::path& file) { return fs::path(file).replace_extension(".pub"); }

Result<SigningKey> read_key_file(const fs::path& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) {
    const ErrorKind kind = errno == ENOENT ? ErrorKind::not_found : ErrorKind::io;
    return fail(kind, fmt::format("{}: {}", file.string(), std::generic_category().message(errno)));
  }
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail(ErrorKind::denied,
                fmt::format("{} is a private key that others can use; run chmod 600 on it", file.string()));
  }
  Result<std::string> text = read_file(file, kMaxFileBytes);
  if (!text) return fail(std::move(text.error()));
  Result<SigningKey> key = SigningKey::parse(Secret(std::string(trim(*text))));
  if (!key) return fail(key.error().kind, fmt::format("{}: {}", file.string(), key.error().message));
  return key;
}

Result<SigningKey> make_key_file(const fs::path& file, const std::string& name) {
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(file, ignored))) {
    return fail(ErrorKind::invalid, fmt::format("{} is there already; a key is never overwritten", file.string()));
  }
  return read_or_make_key_file(file, name);
}

Result<SigningKey> read_or_make_key_file(const fs::path& file, const std::string& name) {
  Result<SigningKey> key = read_key_file(file);
  if (key || key.error().kind != ErrorKind::not_found) return key;
  Result<void> written = write_file(file, SigningKey::make(name).text().expose() + "\n");
  if (!written) return fail(std::move(written.error()));
  // Somebody else may have been first.
  key = read_key_file(file);
  if (!key) return key;
  written = write_file(public_key_file(file), key->verify_key().text() + "\n");
  if (!written) return fail(std::move(written.error()));
  return key;
}

}  // namespace usher::audit
