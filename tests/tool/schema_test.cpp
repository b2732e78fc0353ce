#include "tool/schema.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "tool/builtin.h"

namespace {

using namespace usher;

// "" when `value` fits, else the sentence for the model.
std::string verdict(const std::string& schema, const std::string& value) {
  json::value parsed = json::parse(schema);
  Result<void> fits = tool::validate(parsed.as_object(), json::parse(value));
  if (fits) return "";
  CHECK(fits.error().kind == ErrorKind::invalid);
  return fits.error().message;
}

const std::string kSearch = R"({"type":"object","properties":{
  "query":{"type":"string","minLength":1,"maxLength":5},
  "limit":{"type":"integer","minimum":1,"maximum":20},
  "kind":{"type":"string","enum":["a","b"]},
  "tags":{"type":"array","items":{"type":"string"},"minItems":1,"maxItems":2},
  "more":{"type":["string","null"]},
  "inner":{"type":"object","properties":{"x":{"type":"number"}},"required":["x"]}},
  "required":["query"]})";

TEST_CASE("arguments that fit the schema pass") {
  for (const char* fitting :
       {R"({"query":"mug"})", R"({"query":"mug","limit":20})", R"({"query":"mug","limit":5.0})",
        R"({"query":"üüüüü","kind":"b","tags":["x"],"more":null})", R"({"query":"m","inner":{"x":1.5}})"}) {
    CAPTURE(fitting);
    CHECK(verdict(kSearch, fitting) == "");
  }
}

TEST_CASE("every misfit is a sentence that names the place and the rule") {
  const std::pair<const char*, const char*> misfits[] = {
      {R"({})", "'query' is required"},
      {R"([])", "the arguments must be an object"},
      {R"({"query":5})", "'query' must be a string"},
      {R"({"query":""})", "'query' must not be empty"},
      {R"({"query":"abcdef"})", "'query' must have at most 5 characters, not 6"},
      {R"({"query":"m","limit":21})", "'limit' must be at most 20"},
      {R"({"query":"m","limit":0})", "'limit' must be at least 1"},
      {R"({"query":"m","limit":-9223372036854775808})", "'limit' must be at least 1"},
      {R"({"query":"m","limit":18446744073709551615})", "'limit' must be at most 20"},
      {R"({"query":"m","limit":1.5})", "'limit' must be an integer"},
      {R"({"query":"m","limit":"5"})", "'limit' must be an integer"},
      {R"({"query":"m","limit":true})", "'limit' must be an integer"},
      {R"({"query":"m","kind":"c"})", R"('kind' must be one of "a", "b")"},
      {R"({"query":"m","tags":[]})", "'tags' must not be empty"},
      {R"({"query":"m","tags":["a","b","c"]})", "'tags' must have at most 2 items, not 3"},
      {R"({"query":"m","tags":["a",3]})", "'tags[1]' must be a string"},
      {R"({"query":"m","more":3})", "'more' must be a string or null"},
      {R"({"query":"m","inner":{}})", "'inner.x' is required"},
      {R"({"query":"m","inner":{"x":"1"}})", "'inner.x' must be a number"},
  };
  for (auto [value, sentence] : misfits) {
    CAPTURE(value);
    CHECK(verdict(kSearch, value) == sentence);
  }
}

TEST_CASE("unknown arguments are refused unless the schema says otherwise") {
  CHECK(verdict(R"({"type":"object","properties":{"a":{},"b":{}}})", R"({"c":1})") ==
        "'c' is not known; known: 'a', 'b'");
  CHECK(verdict(R"({"type":"object"})", R"({"c":1})") == "'c' is not known: no arguments are taken");
  CHECK(verdict(R"({"type":"object","additionalProperties":true})", R"({"c":1})") == "");
  CHECK(verdict(R"({"type":"object","additionalProperties":{"type":"string"}})", R"({"c":1})") ==
        "'c' must be a string");
}

TEST_CASE("a hostile argument name is neither echoed whole nor raw") {
  std::string name(5000, 'x');
  std::string sentence = verdict(R"({"type":"object"})", R"({")" + name + R"(\n":1})");
  CHECK(sentence.size() < 200);
  CHECK(verdict(R"({"type":"object"})", R"({"a\nb":1})").find('\n') == std::string::npos);
}

TEST_CASE("a schema that names an unknown type fits nothing") {
  CHECK(verdict(R"({"type":"strnig"})", R"("x")") != "");
  CHECK(verdict(R"({"type":5})", R"("x")") != "");
}

TEST_CASE("every built-in tool declares a closed object schema, a name and a one-line description") {
  std::vector<std::string> names;
  for (const tool::ToolSpec& spec : tool::builtin_specs()) {
    CAPTURE(spec.name);
    names.push_back(spec.name);
    CHECK(spec.parameters.at("type") == "object");
    CHECK(spec.parameters.at("additionalProperties") == false);
    CHECK(spec.description.find('\n') == std::string::npos);
    CHECK(spec.description.size() > 20);
    CHECK_FALSE(tool::validate(spec.parameters, json::object{{"surprise", 1}}));
  }
  CHECK(names == std::vector<std::string>{"product_search", "product_info", "knowledge_search", "memory_recall",
                                          "memory_store", "memory_forget", "file_list", "file_read", "file_write",
                                          "file_edit", "delegate"});
}

}  // namespace
