// The doctor's look at what is elsewhere: platforms and models. Nothing is sent that costs anything or changes
// anything; tokens and keys are never in a finding. Event-loop thread.
#pragma once

#include <optional>

#include "app/doctor/finding.h"
#include "base/async.h"
#include "base/clock.h"
#include "config/config.h"
#include "net/http_client.h"

namespace usher::app {

struct RemoteFinding {
  Finding finding;
  std::optional<std::chrono::sys_seconds> date;  // when the other side says that it is
};

// Asks getMe. All references outlive the task.
Task<RemoteFinding> check_telegram(net::HttpClient& http, const config::Telegram& bot, Deadline deadline);
// Asks GET /users/@me.
Task<RemoteFinding> check_discord(net::HttpClient& http, const config::Discord& bot, Deadline deadline);
// Connects, with TLS where the address says so, and waits for any HTTP answer.
Task<RemoteFinding> check_provider(net::HttpClient& http, const config::Provider& provider, Deadline deadline);

// The time of an HTTP Date header ("Fri, 27 Nov 2026 20:03:58 GMT"). Pure.
std::optional<std::chrono::sys_seconds> parse_http_date(const std::string& text);
// Pure.
Finding judge_clock(WallTime ours, std::chrono::sys_seconds theirs, const std::string& where);

}  // namespace usher::app
