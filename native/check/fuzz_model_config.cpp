// Can any config.json make its reader, or the sizes computed from it, do worse than refuse?
#include "check/mutator.h"
#include "engine/cpu_plan.h"
#include "model/model_config.h"

namespace loadmark::check {
namespace {

std::vector<std::string> make_seeds() {
  const std::string sizes =
      R"("hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,)"
      R"( "num_key_value_heads": 2, "vocab_size": 160, "max_position_embeddings": 512, "rms_norm_eps": 1e-05)";
  const std::string begin =
      R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", )" + sizes;
  return {
      begin + "}",
      begin +
          R"(, "head_dim": 16, "rope_theta": 10000.0, "rope_interleaved": false,)"
          R"( "rope_scaling": null, "hidden_act": "silu", "attention_bias": false, "mlp_bias": false,)"
          R"( "tie_word_embeddings": true, "bos_token_id": 1, "eos_token_id": [2, 3]})",
      begin +
          R"(, "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0}, "torch_dtype": "bfloat16"})",
      begin +
          R"(, "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 64, "sym": true,)"
          R"( "desc_act": false, "checkpoint_format": "gptq_v2", "dynamic": {}, "meta": {"damp": 0.01}}})",
      begin +
          R"(, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,)"
          R"( "high_freq_factor": 4.0, "original_max_position_embeddings": 32}, "mlp_bias": true})",
      R"({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "sliding_window": 20, )" +
          sizes + "}",
      R"({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "use_sliding_window": true,)"
      R"( "sliding_window": 20, "max_window_layers": 1, "head_dim": 24,)"
      R"( "layer_types": ["full_attention", "sliding_attention"], )" +
          sizes + "}",
      R"({"architectures": ["GPTJForCausalLM"], "model_type": "gptj", "n_embd": 64, "n_head": 2,)"
      R"( "n_layer": 2, "n_inner": null, "n_positions": 256, "rotary_dim": 8, "vocab_size": 162,)"
      R"( "layer_norm_epsilon": 1e-05, "activation_function": "gelu_new"})",
  };
}

void read_config(const std::string& text) {
  const ModelConfig config = parse_model_config(text);
  EngineOptions options;
  options.max_batch = 65536;
  options.max_sequence_tokens = config.max_positions;
  options.max_step_tokens = 1048576;
  options.page_tokens = 3;
  if (options.max_sequence_tokens >= 2 && plan_cpu(options, config).memory.total() <= 0) {
    throw std::logic_error("a plan without bytes");
  }
}

}  // namespace
}  // namespace loadmark::check

int main(int argc, char** argv) {
  using namespace loadmark::check;
  const std::vector<std::string> words = {"{",
                                          "}",
                                          "[",
                                          "]",
                                          "\"",
                                          ",",
                                          ":",
                                          "null",
                                          "true",
                                          "false",
                                          "\\u00",
                                          "\\ud83d\\ude00",
                                          "\xc0\x80",
                                          "1e400",
                                          "\"head_dim\": 1000000,",
                                          "\"rope_scaling\": {\"type\": \"linear\"},",
                                          "\"layer_types\": [\"sliding_attention\"],",
                                          "\"rotary_dim\": 3,",
                                          "\"sliding_window\": 1,",
                                          "\"attention_bias\": true,",
                                          "\"quantization_config\": {},",
                                          "\"num_hidden_layers\": 10000,",
                                          std::string(70, '['),
                                          std::string(1, '\0')};
  return fuzz(
      "model_config", parse_arguments(argc, argv), make_seeds(), words,
      [](Mutator&, std::string*) {}, read_config);
}
