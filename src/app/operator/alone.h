// The API without a gateway: the operator's door of a service that is made for one command.
#pragma once

#include <memory>

#include "app/data_lock.h"
#include "app/operator/operator.h"

namespace usher::app {

// Keeps the lock. Opens the databases; io when that fails.
Result<std::unique_ptr<Operator>> make_operator_alone(std::shared_ptr<const config::Config> config, DataLock lock);

}  // namespace usher::app
