#include <spdlog/spdlog.h>

#include "admin/api/answers.h"
#include "admin/api/handlers.h"

namespace usher::admin {

Task<net::ServerResponse> get_health(Context&, Call) { co_return json_answer(200, {{"status", "ok"}}); }

Task<net::ServerResponse> get_readiness(Context& context, Call call) {
  const Result<void> ready = context.services.readiness();
  if (ready) co_return json_answer(200, {{"status", "ready"}});
  spdlog::debug("api: not ready: {}", ready.error().message);
  // Why is the operator's to know.
  if (call.caller.is_at_socket)
    co_return json_answer(503, {{"status", "not ready"}, {"detail", ready.error().message}});
  co_return json_answer(503, {{"status", "not ready"}});
}

}  // namespace usher::admin
