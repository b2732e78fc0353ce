#include "tool/plain_json.h"

#include <fmt/format.h>

#include <cmath>

namespace usher::tool {
namespace {

constexpr double kMaxWritten = 1e15;  // beyond it a number is shorter with an exponent

std::string number(double value) {
  // Millionths are what money is counted in; what they hold exactly needs no exponent.
  std::string written = fmt::format("{:.6f}", value);
  if (std::abs(value) >= kMaxWritten || std::stod(written) != value) return fmt::format("{}", value);
  written.erase(written.find_last_not_of('0') + 1);
  if (written.ends_with('.')) written.pop_back();
  return written;
}

void write(const json::value& value, std::string& out) {
  if (value.is_double()) {
    out += number(value.get_double());
  } else if (value.is_array()) {
    const char* separator = "[";
    for (const json::value& item : value.get_array()) {
      out += std::exchange(separator, ",");
      write(item, out);
    }
    out += value.get_array().empty() ? "[]" : "]";
  } else if (value.is_object()) {
    const char* separator = "{";
    for (const json::key_value_pair& member : value.get_object()) {
      out += std::exchange(separator, ",");
      out += json::serialize(json::value(member.key()));
      out += ':';
      write(member.value(), out);
    }
    out += value.get_object().empty() ? "{}" : "}";
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

std::string plain_json(const json::value& value) {
  std::string out;
  write(value, out);
  return out;
}

}  // namespace usher::tool
