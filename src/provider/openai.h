// Any OpenAI-compatible server: POST {base_url}/chat/completions, always with stream:true and usage in the stream; a
// server that answers one JSON object instead is understood too. Source: PROTOCOLS, "LLM providers".
#pragma once

#include <memory>
#include <string>

#include "base/secret.h"
#include "net/http_client.h"
#include "provider/provider.h"

namespace usher::provider {

struct OpenAiOptions {
  std::string base_url;  // "https://api.openai.com/v1"
  Secret api_key;        // may be empty
  std::string model;
  std::int64_t max_output_tokens = 1024;
  std::chrono::seconds timeout{120};      // a whole call at most
  std::chrono::seconds idle_timeout{60};  // between two reads
};

// `http` must outlive the provider.
std::unique_ptr<Provider> make_openai(net::HttpClient& http, OpenAiOptions options);

}  // namespace usher::provider
