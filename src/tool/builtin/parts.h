// What the built-in tools share: typed access to validated arguments, and the table entries that builtin.cpp joins.
// Private to src/tool.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "tool/builtin.h"
#include "tool/tool.h"

namespace usher::tool {

// One row of the table of built-in tools.
struct Builtin {
  ToolSpec spec;
  // nullptr where the seat has no place for it.
  std::unique_ptr<Tool> (*make)(const ToolSpec& spec, const Seat& seat) = nullptr;
};

// Each in the order in which it is offered. Static lifetime.
std::span<const Builtin> product_tools();
std::span<const Builtin> knowledge_tools();
std::span<const Builtin> fact_tools();
std::span<const Builtin> file_tools();
std::span<const Builtin> delegate_tools();

// A tool that keeps its spec and its seat (a reference: the seat outlives the tool).
class SeatedTool : public Tool {
 public:
  SeatedTool(const ToolSpec& spec, const Seat& seat) : spec_(spec), seat_(seat) {}
  const ToolSpec& spec() const override { return spec_; }

 protected:
  const Seat& seat() const { return seat_; }

 private:
  const ToolSpec& spec_;
  const Seat& seat_;
};

template <class T>
std::unique_ptr<Tool> make_seated(const ToolSpec& spec, const Seat& seat) {
  return std::make_unique<T>(spec, seat);
}

// Parses a schema written in the source; a broken one is a bug and throws.
json::object schema_of(std::string_view text);

// Members of arguments that fit the schema: `otherwise` stands for an absent one. A whole number may come as 5.0.
std::string text_argument(const json::object& arguments, std::string_view name, std::string_view otherwise = "");
std::int64_t whole_argument(const json::object& arguments, std::string_view name, std::int64_t otherwise);

// An error whose message may hold a path or an SQL text: logged here, told to the model as `sentence`.
Error hidden(const Error& error, std::string_view tool, std::string sentence);

// One line of at most `max_bytes`, cut at a code point with "…".
std::string one_line(std::string_view text, std::size_t max_bytes);

}  // namespace usher::tool
