// `usher doctor`: whether usher can do its work here, and what to do where it cannot. Changes nothing.
#pragma once

#include "app/doctor/finding.h"
#include "config/load.h"

namespace usher::app {

struct DoctorRequest {
  bool is_offline = false;  // looks at nothing beyond this machine
  bool as_json = false;
};

// kFine without an error, kError with one, kBadConfiguration when config.toml cannot be used (then nothing else is
// looked at).
int run_doctor(const config::Loaded& loaded, const DoctorRequest& request);

// Errors first, then warnings, then what is well, each with what to do beneath it. Pure.
std::string findings_text(const Findings& findings);

}  // namespace usher::app
