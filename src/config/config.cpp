#include "config/config.h"

namespace usher::config {

const char* to_string(Autonomy autonomy) {
  switch (autonomy) {
    case Autonomy::readonly:
      return "readonly";
    case Autonomy::supervised:
      return "supervised";
    case Autonomy::full:
      return "full";
  }
  return "unknown";
}

}  // namespace usher::config
