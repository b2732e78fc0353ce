// The doctor's look at the gateway that runs on data_dir, through its socket. Blocking, with a deadline.
#pragma once

#include "app/doctor/finding.h"
#include "config/config.h"

namespace usher::app {

// Whether one runs, whether it serves, and which replies wait for the operator.
Findings check_gateway(const config::Config& config);

}  // namespace usher::app
