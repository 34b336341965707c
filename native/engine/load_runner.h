// Which runner serves an engine's device? A device's loader reads the checkpoint, plans its memory
// and describes what it became; the engine knows no more of the device than this.
#pragma once

#include <cstdint>
#include <memory>

#include "engine/engine_options.h"
#include "engine/step_runner.h"

namespace loadmark {

struct LoadedRunner {
  std::unique_ptr<StepRunner> runner;
  EngineInfo info;        // its config and kv_pages are what the engine checks and plans with
  int64_t step_rows = 0;  // rows of a step, at most
};

// Slow. Throws Error; Error(kUnsupportedDevice) where this build cannot serve options.device.
LoadedRunner load_runner(const EngineOptions& options);

}  // namespace loadmark
