#include "audit/ledger.h"

namespace usher::audit {

const char* to_string(Kind kind) {
  switch (kind) {
    case Kind::resolution:
      return "resolution";
    case Kind::decision:
      return "decision";
    case Kind::limit:
      return "limit";
    case Kind::approval:
      return "approval";
    case Kind::token:
      return "token";
    case Kind::operator_action:
      return "operator_action";
    case Kind::process:
      break;
  }
  return "process";
}

const char* to_string(Outcome outcome) { return outcome == Outcome::allowed ? "allowed" : "denied"; }

}  // namespace usher::audit
