// What model is in a GGUF file? Its metadata put into config.json's words, so that one reader
// decides what the engine can honour, and llama.cpp's tensor names into Hugging Face's.
#pragma once

#include <string>

#include "model/gguf.h"
#include "model/model_config.h"

namespace loadmark {

// Factors that a GGUF file divides the rotary frequencies by, beside its metadata.
inline constexpr char kRopeFactorsName[] = "rope_freqs.weight";

// Whether a model's path is a file: everything else is a folder in Hugging Face layout.
bool is_gguf_path(const std::string& path);

// Throws Error(kUnsupportedModel) naming what the engine has no word for, Error(kBadCheckpoint) for
// what contradicts itself. Tensors may have either their stored or their translated names.
ModelConfig parse_gguf_config(const Gguf& gguf, const std::string& file);
ModelConfig read_gguf_config(const std::string& path);

// "blk.3.attn_q.weight" becomes "model.layers.3.self_attn.q_proj.weight"; the rows of q and k are
// marked where llama.cpp's converter interleaves them (llama, not qwen). Names it does not know
// stay.
void translate_gguf_tensors(Gguf* gguf, const std::string& file);

}  // namespace loadmark
