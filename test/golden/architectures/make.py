#!/usr/bin/env python3
"""A small random checkpoint of every architecture, with golden values from Hugging Face transformers in fp32.

  make.py [NAME ...]    writes the folders beside this file: config.json and model.safetensors (fp32, or fp16 where it says so) as transformers
                        itself saves them, golden.json and logits.f32 as ../transformers/make.py describes them

The configurations say what real checkpoints of their family say, in the words that those use: sliding windows, rotary
scaling and context lengths are small enough for a prompt of 72 tokens to reach past them; sizes are small, but heads are
as wide as a GPU's kernels want them. Prompt 0 is the 72 tokens, all
of whose logits are kept. Weights are drawn so that logits spread by several units and attention is not uniform.
"""
import copy
import importlib.util
import json
import pathlib
import shutil
import sys

import numpy
import torch
import transformers

HERE = pathlib.Path(__file__).parent
golden_spec = importlib.util.spec_from_file_location("golden", HERE.parent / "transformers" / "make.py")
golden = importlib.util.module_from_spec(golden_spec)
golden_spec.loader.exec_module(golden)

SIZES = {"hidden_size": 40, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
         "num_key_value_heads": 1, "head_dim": 64, "vocab_size": 136, "hidden_act": "silu", "rms_norm_eps": 1e-5,
         "max_position_embeddings": 256, "bos_token_id": 1, "eos_token_id": 2, "tie_word_embeddings": False}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 32}

# name: (architecture, model_type, what its config.json says beside SIZES)
CASES = {
    "llama2": ("LlamaForCausalLM", "llama", {"rope_theta": 10000.0, "rope_scaling": None, "num_key_value_heads": 2,
                                             "hidden_size": 128, "head_dim": None, "pretraining_tp": 1,
                                             "num_hidden_layers": 1}),
    "llama3": ("LlamaForCausalLM", "llama", {"rope_theta": 500000.0, "rope_scaling": None,
                                             "num_attention_heads": 4}),
    "llama3.1": ("LlamaForCausalLM", "llama", {"rope_theta": 500000.0, "rope_scaling": LLAMA3,
                                               "eos_token_id": [2, 3, 4]}),
    "llama-linear-biases": ("LlamaForCausalLM", "llama", {
        "rope_theta": 10000.0, "rope_scaling": {"type": "linear", "factor": 4.0}, "attention_bias": True,
        "mlp_bias": True}),
    "aquila": ("AquilaForCausalLM", "aquila", {"rope_theta": 10000.0, "bos_token_id": 100, "eos_token_id": 101}),
    "smollm2": ("LlamaForCausalLM", "llama", {"rope_theta": 100000, "tie_word_embeddings": True,
                                              "hidden_size": 48,
                                              "num_attention_heads": 3, "rope_interleaved": False}),
    "mistral": ("MistralForCausalLM", "mistral", {"rope_theta": 10000.0, "sliding_window": 20}),
    "qwen2": ("Qwen2ForCausalLM", "qwen2", {"rope_theta": 1000000.0, "use_sliding_window": False,
                                            "sliding_window": 20, "max_window_layers": 1}),
    "qwen2-window": ("Qwen2ForCausalLM", "qwen2", {"rope_theta": 1000000.0, "use_sliding_window": True,
                                                   "sliding_window": 20, "max_window_layers": 1}),
    "qwen3": ("Qwen3ForCausalLM", "qwen3", {"rope_theta": 1000000.0, "head_dim": 128, "attention_bias": False,
                                            "use_sliding_window": False, "sliding_window": None,
                                            "max_window_layers": 2, "tie_word_embeddings": True}),
    "gptj": ("GPTJForCausalLM", "gptj", {}),
    # Heads as GPT-J-6B has them: 256 wide, of which 64 turn.
    "gptj-wide-heads": ("GPTJForCausalLM", "gptj", {"n_embd": 256, "n_head": 1, "n_layer": 1, "n_inner": 48,
                                                    "rotary_dim": 64}),
}
STORED_AS_FP16 = {"gptj-wide-heads"}  # to stay small
GPTJ = {"n_embd": 128, "n_head": 2, "n_layer": 2, "n_inner": 80, "n_positions": 256, "rotary_dim": 16,
        "vocab_size": 138, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, "bos_token_id": 130,
        "eos_token_id": 130, "tie_word_embeddings": False, "attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0}


def config_of(name):
    architecture, model_type, changes = CASES[name]
    sizes = GPTJ if model_type == "gptj" else SIZES
    return {"architectures": [architecture], "model_type": model_type, **sizes, **changes}


def make_model(config):
    # AquilaForCausalLM is Llama in a module that its checkpoints carry along.
    known = "LlamaForCausalLM" if config["architectures"] == ["AquilaForCausalLM"] else config["architectures"][0]
    kind = getattr(transformers, known)
    given = {key: value for key, value in config.items()
             if key not in ("architectures", "model_type") and (key, value) != ("head_dim", None)}
    settings = kind.config_class(**given)
    settings._attn_implementation = "eager"
    return kind(settings).float().eval()


@torch.no_grad()
def draw_weights(model, rng):
    for name, parameter in sorted(model.named_parameters()):
        def normal(scale):
            return torch.from_numpy((rng.standard_normal(tuple(parameter.shape)) * scale).astype(numpy.float32))

        if name.endswith(".bias"):
            parameter.copy_(normal(0.5))
        elif "norm" in name or "ln_" in name:
            parameter.copy_(1 + normal(0.2))
        elif "embed_tokens" in name or "wte" in name:
            tied = model.config.tie_word_embeddings
            parameter.copy_(normal(3 / parameter.shape[1] ** 0.5 if tied else 1.0))
        elif "lm_head" in name:
            parameter.copy_(normal(3 / parameter.shape[1] ** 0.5))
        else:
            parameter.copy_(normal((2.2 if "q_proj" in name or "k_proj" in name else 1.5) / parameter.shape[1] ** 0.5))


def draw_prompts(model, rng):
    """Prompts whose 64 greedy tokens are nowhere a near tie: any right engine must then give all of them."""
    prompts = []
    for length in (72, 1, 21, 40):
        while True:
            prompt = rng.integers(3, 130, length).tolist()
            if min(golden.greedy(model, prompt, 64, [])[1]) > 5e-3:
                break
        prompts.append(prompt)
    return prompts


def make(name, seed):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    config = config_of(name)
    model = make_model(config)
    rng = numpy.random.default_rng(seed)
    draw_weights(model, rng)
    if name in STORED_AS_FP16:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(parameter.half().float())
        copy.deepcopy(model).half().save_pretrained(folder)  # not the model: half() rounds its sines, too
    else:
        model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if "llama3.1" != name:  # one says it as transformers 5 saves it, the others as their checkpoints do
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    golden.write_golden(model, draw_prompts(model, rng), folder, 64, [], [0], "all")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for index, name in enumerate(CASES):
        if not sys.argv[1:] or name in sys.argv[1:]:
            make(name, 1000 + index)
