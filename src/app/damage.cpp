#include "app/damage.h"

namespace usher::app {

Error with_advice(Error error) {
  if (error.kind == ErrorKind::corrupt) {
    error.message += "; restore it from a backup (usher restore); what can be read of it: sqlite3 FILE .recover";
  }
  return error;
}

}  // namespace usher::app
