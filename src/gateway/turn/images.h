// Pictures people send: how they are fetched, which they are by their first bytes, and where they are kept.
// fetch_images on the event-loop thread, the rest on any.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/result.h"
#include "channel/channel.h"
#include "gateway/journal.h"
#include "provider/provider.h"

namespace usher::gateway {

constexpr std::size_t kMaxImageBytes = 10u << 20;
constexpr std::size_t kMaxImagesPerMessage = 4;
// What is kept for one sender; beyond it the oldest pictures go.
constexpr std::size_t kMaxKeptImages = 100;
constexpr std::size_t kMaxKeptImageBytes = 32u << 20;

// "image/jpeg", "image/png", "image/gif" or "image/webp" by the content itself, never by what the platform claims; ""
// for anything else.
std::string_view image_media_type(std::string_view bytes);

// Writes the picture beneath the sender's files directory (made 0700 when missing) as "inbox/<name>.<ext>", and lets go
// of the oldest pictures there when there are too many; returns that path. Blocking.
Result<std::string> keep_image(const std::filesystem::path& files, std::string_view name, std::string_view bytes);

// Fetches the pictures of a message, and keeps them on `pool`; appends a note about each attachment to `said`, those
// included that are left out: what is no picture, and pictures beyond kMaxImagesPerMessage. Errors as of Channel::fetch
// and keep_image. What it is given lives through the call.
Task<Result<std::vector<provider::Image>>> fetch_images(const Accepted& accepted, channel::Channel& channel,
                                                        const std::string& files, const asio::any_io_executor& pool,
                                                        Deadline deadline, std::string& said);

}  // namespace usher::gateway
