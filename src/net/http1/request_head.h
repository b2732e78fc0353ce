// The head of a request, checked and written by hand: nothing that a caller passes can add a line to it (request
// smuggling). Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_client.h"

namespace usher::net {

// Fails with invalid when the method, target, a header or the content type holds a character that does not belong
// there, or when a header is one that only the client may set. The message names the header at most.
Result<void> check_request(const HttpRequest& request);

// Appends the request line, the headers and the blank line.
void append_head(std::string& out, const HttpRequest& request, std::string_view user_agent);

// What the Host header says of it: the port only when it is not the scheme's own.
void append_host(std::string& out, const Endpoint& endpoint);

// "host:port", "[::1]:80", or the socket file: for messages.
std::string name_of(const Endpoint& endpoint);

}  // namespace usher::net
