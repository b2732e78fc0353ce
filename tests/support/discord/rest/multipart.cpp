#include "support/discord/rest/multipart.h"

#include "base/text.h"

namespace usher::testing {
namespace {

constexpr std::size_t kMaxParts = 32;

std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
  return text;
}

// A parameter of a header's value: name="x" of `form-data; name="x"; filename="y"`.
std::string parameter(std::string_view value, std::string_view wanted) {
  while (!value.empty()) {
    const std::size_t end = std::min(value.find(';'), value.size());
    const std::string_view piece = trim(value.substr(0, end));
    value.remove_prefix(std::min(value.size(), end + 1));
    const std::size_t equals = piece.find('=');
    if (equals != std::string_view::npos && lower_ascii(piece.substr(0, equals)) == wanted) {
      return std::string(unquoted(piece.substr(equals + 1)));
    }
  }
  return "";
}

FormPart part_of(std::string_view head, std::string_view bytes) {
  FormPart part;
  part.bytes = bytes;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(head.size(), end + 2));
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string name = lower_ascii(line.substr(0, colon));
    const std::string_view value = trim(line.substr(std::min(line.size(), colon + 1)));
    if (name == "content-type") part.media_type = value;
    if (name != "content-disposition") continue;
    part.name = parameter(value, "name");
    part.filename = parameter(value, "filename");
  }
  return part;
}

}  // namespace

Result<std::vector<FormPart>> read_form_data(std::string_view content_type, std::string_view body) {
  const std::string boundary = parameter(content_type, "boundary");
  if (boundary.empty()) return fail(ErrorKind::invalid, "no boundary");
  const std::string opening = "--" + boundary, between = "\r\n--" + boundary;
  if (!body.starts_with(opening)) return fail(ErrorKind::invalid, "does not begin with its boundary");
  body.remove_prefix(opening.size());
  std::vector<FormPart> parts;
  while (!body.starts_with("--")) {
    const std::size_t head_end = body.find("\r\n\r\n");
    const std::size_t end = head_end == std::string_view::npos ? head_end : body.find(between, head_end + 2);
    if (!body.starts_with("\r\n") || end == std::string_view::npos || head_end < 2 || parts.size() == kMaxParts) {
      return fail(ErrorKind::invalid, "a part that does not end, or too many of them");
    }
    const std::size_t begin = std::min(head_end + 4, end);
    parts.push_back(part_of(body.substr(2, head_end - 2), body.substr(begin, end - begin)));
    body.remove_prefix(end + between.size());
  }
  return parts;
}

}  // namespace usher::testing
