#include "channels/telegram/markdown/entities.h"

#include <utf8proc.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace usher::telegram {
namespace {

void append_utf8(std::string& out, std::uint32_t code_point) {
  if (code_point == 0 || code_point > 0x10FFFF || (code_point >= 0xD800 && code_point < 0xE000)) code_point = 0xFFFD;
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 20> kEntities{{
    {"amp", "&"},   {"lt", "<"},    {"gt", ">"},     {"quot", "\""}, {"apos", "'"},  {"nbsp", "\u00A0"}, {"copy", "©"},
    {"reg", "®"},   {"trade", "™"}, {"hellip", "…"}, {"mdash", "—"}, {"ndash", "–"}, {"lsquo", "‘"},     {"rsquo", "’"},
    {"ldquo", "“"}, {"rdquo", "”"}, {"bull", "•"},   {"euro", "€"},  {"times", "×"}, {"rarr", "→"},
}};

}  // namespace

void append_entity(std::string& out, std::string_view entity) {
  std::string_view name = entity.substr(1, entity.size() - 2);
  if (name.starts_with('#')) {
    const bool is_hex = name.size() > 1 && (name[1] == 'x' || name[1] == 'X');
    name.remove_prefix(is_hex ? 2 : 1);
    std::uint32_t code_point = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), code_point, is_hex ? 16 : 10);
    if (error == std::errc() && end == name.data() + name.size()) return append_utf8(out, code_point);
  }
  for (const auto& [known, value] : kEntities) {
    if (name == known) return void(out.append(value));
  }
  out.append(entity);
}

std::string text_of(const MD_ATTRIBUTE& attribute) {
  std::string out;
  for (unsigned i = 0; attribute.text && attribute.substr_offsets[i] < attribute.size; ++i) {
    const std::string_view part(attribute.text + attribute.substr_offsets[i],
                                attribute.substr_offsets[i + 1] - attribute.substr_offsets[i]);
    if (attribute.substr_types[i] == MD_TEXT_ENTITY)
      append_entity(out, part);
    else if (attribute.substr_types[i] == MD_TEXT_NULLCHAR)
      out += "\uFFFD";
    else
      out.append(part);
  }
  return out;
}

}  // namespace usher::telegram
