// Which tensors does a safetensors file hold, and where? Checks its whole header; which files make a
// checkpoint is checkpoint.h's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/tensor.h"

namespace loadmark {

// Checks a whole safetensors file in memory: header length, JSON, names, dtypes, shapes, and that
// the data ranges neither overlap, leave holes nor pass the end. `file` names it in errors
// (kBadCheckpoint).
std::vector<Tensor> parse_safetensors(const uint8_t* bytes, int64_t size, const std::string& file);

// The shard of every tensor, from a model.safetensors.index.json.
std::map<std::string, std::string> read_shard_index(const std::string& path);

}  // namespace loadmark
