// The head of a response, checked and written by hand: nothing that a service passes can add a line to it. Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "net/http_server.h"

namespace usher::net {

// {"detail": "…"} with that status.
ServerResponse error_response(int status, std::string_view detail);

// Fails with internal when the status, a header's name or value or the content type cannot be sent, or when a header is
// one that only the server may set. The message names the header at most.
Result<void> check_response(const ServerResponse& response);

// False for 1xx, 204 and 304, which never have a body.
bool may_have_body(int status);

// Appends the status line, the headers and the blank line.
void append_response_head(std::string& out, const ServerResponse& response, bool keeps_alive,
                          std::chrono::sys_seconds now);

}  // namespace usher::net
