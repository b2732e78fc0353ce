// The models a role can be given, by hint. Built once by the composition root; the providers outlive the gateway.
#pragma once

#include <map>
#include <string>

#include "provider/chain.h"

namespace usher::gateway {

struct Model {
  provider::Provider* provider = nullptr;  // vendor with retries and fallbacks, shared by all turns
  provider::Price price;                   // the dearest of the chain
  std::string name;                        // the vendor's name of the first
  std::int64_t context_tokens = 32000;     // the smallest of the chain
};

using Models = std::map<std::string, Model>;

}  // namespace usher::gateway
