// What does each family's config.json mean? One reader a family, in config_<family>.cpp; fields
// that several families write alike are read by what they share, in model_config.cpp.
#pragma once

#include "model/json_section.h"
#include "model/model_config.h"

namespace loadmark {

inline constexpr int64_t kMaxDimension = 1'000'000;
inline constexpr int64_t kMaxPositions = int64_t{1} << 24;

// What a family is called and how the fields that are its own are read, after the sizes and before
// what comes last: tying, token ids, quantization.
struct Architecture {
  const char* name;        // in "architectures"
  const char* model_type;  // the one that goes with it
  void (*read)(const JsonSection& root, ModelConfig* config);
};

void read_llama(const JsonSection& root, ModelConfig* config);    // config_llama.cpp
void read_mistral(const JsonSection& root, ModelConfig* config);  // config_mistral.cpp
void read_qwen2(const JsonSection& root, ModelConfig* config);    // config_qwen.cpp
void read_qwen3(const JsonSection& root, ModelConfig* config);
void read_gptj(const JsonSection& root, ModelConfig* config);  // config_gptj.cpp

// Sizes, norm, activation and rotary embedding as Llama and its kin write them.
void read_llama_shape(const JsonSection& root, ModelConfig* config);
// theta and scaling, from rope_theta, rope_scaling and rope_parameters. config_rope.cpp
void read_rope(const JsonSection& root, ModelConfig* config);
// A sliding window of `window` positions in the layers that `layer_types` names or, where it is
// absent, from `first_layer` on; 0: none.
void read_windows(const JsonSection& root, int64_t window, int64_t first_layer,
                  ModelConfig* config);

}  // namespace loadmark
