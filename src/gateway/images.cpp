#include "gateway/images.h"

#include <fmt/format.h>

#include "base/beneath.h"
#include "base/files.h"

namespace usher::gateway {

std::string_view image_media_type(std::string_view bytes) {
  if (bytes.starts_with("\xff\xd8\xff")) return "image/jpeg";
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) return "image/png";
  if (bytes.starts_with("GIF87a") || bytes.starts_with("GIF89a")) return "image/gif";
  if (bytes.size() >= 12 && bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP") return "image/webp";
  return {};
}

Result<std::string> keep_image(const std::filesystem::path& files, std::string_view name, std::string_view bytes) {
  const std::string_view type = image_media_type(bytes);
  if (type.empty()) return fail(ErrorKind::invalid, "not a JPEG, PNG, GIF or WebP picture");
  Result<void> made = make_private_directories(files);
  if (!made) return fail(std::move(made.error()));
  Result<Beneath> root = Beneath::open(files);
  if (!root) return fail(std::move(root.error()));
  std::string path = fmt::format("inbox/{}.{}", name, type.substr(type.find('/') + 1));
  Result<void> written = root->write(path, bytes);
  if (!written) return fail(std::move(written.error()));
  return path;
}

}  // namespace usher::gateway
