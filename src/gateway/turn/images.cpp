#include "gateway/turn/images.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/beneath.h"
#include "base/files.h"

namespace usher::gateway {
namespace {

constexpr const char* kInbox = "inbox";
constexpr std::size_t kListed = 4096;

bool is_picture(const FileEntry& entry) {
  constexpr std::array endings{".jpeg", ".png", ".gif", ".webp"};
  return !entry.is_directory &&
         std::ranges::any_of(endings, [&](const char* ending) { return entry.path.ends_with(ending); });
}

// Makes room for one more picture of `size` bytes. The directory is written by usher alone, through Beneath, so no
// symlink stands in it.
Result<void> make_room(const Beneath& root, const std::filesystem::path& files, std::size_t size) {
  Result<std::vector<FileEntry>> kept = root.list(kInbox, kListed);
  if (!kept) return kept.error().kind == ErrorKind::not_found ? Result<void>() : fail(std::move(kept.error()));
  std::erase_if(*kept, [](const FileEntry& entry) { return !is_picture(entry); });
  std::ranges::sort(*kept, {}, &FileEntry::modified_ns);
  std::size_t count = kept->size(), bytes = size;
  for (const FileEntry& entry : *kept) bytes += entry.size;
  for (const FileEntry& oldest : *kept) {
    if (count < kMaxKeptImages && bytes <= kMaxKeptImageBytes) break;
    std::error_code error;
    std::filesystem::remove(files / oldest.path, error);
    if (error) return fail(ErrorKind::io, "an old picture cannot be removed: " + error.message());
    --count;
    bytes -= oldest.size;
  }
  return {};
}

}  // namespace

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
  Result<void> room = make_room(*root, files, bytes.size());
  if (!room) return fail(std::move(room.error()));
  std::string path = fmt::format("{}/{}.{}", kInbox, name, type.substr(type.find('/') + 1));
  Result<void> written = root->write(path, bytes);
  if (!written) return fail(std::move(written.error()));
  return path;
}

Task<Result<std::vector<provider::Image>>> fetch_images(const Accepted& accepted, channel::Channel& channel,
                                                        const std::string& files, const asio::any_io_executor& pool,
                                                        Deadline deadline, std::string& said) {
  std::vector<provider::Image> images;
  for (const channel::Attachment& attachment : accepted.incoming.attachments) {
    if (attachment.kind != channel::Attachment::Kind::image || images.size() == kMaxImagesPerMessage) {
      said += "\n[an attachment that cannot be read here was left out]";
      continue;
    }
    Result<std::string> bytes = co_await channel.fetch(attachment, kMaxImageBytes, deadline);
    if (!bytes) co_return fail(std::move(bytes.error()));
    const std::string_view type = image_media_type(*bytes);
    const std::string name = fmt::format("{}-{}", accepted.id, images.size() + 1);
    auto shared = std::make_shared<const std::string>(std::move(*bytes));
    Result<std::string> path =
        co_await run_on(pool, [files, name, shared] { return keep_image(files, name, *shared); });
    if (!path) co_return fail(std::move(path.error()));
    said += fmt::format("\n[picture: files/{}]", *path);
    images.push_back({.media_type = std::string(type), .bytes = *shared});
  }
  co_return images;
}

}  // namespace usher::gateway
