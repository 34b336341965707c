#!/usr/bin/env python3
"""The checkpoints beside this file once more as GGUF, in fp32: the same weights, so the same golden values.

  make_gguf.py [NAME ...]    writes NAME/model.gguf from NAME/config.json and NAME/model.safetensors (PyPI: gguf 0.19)

Keys, names and rows are those of llama.cpp's convert_hf_to_gguf.py: q and k of a llama (not of a qwen) by
reshape(heads, 2, rows / heads / 2, k).swapaxes(1, 2), Mistral as a llama with a sliding window, and Llama 3.1's rotary scaling as a tensor rope_freqs.weight, by
which frequencies are divided, without a word in the metadata.
"""
import json
import math
import pathlib
import sys

import gguf
import numpy
import safetensors.numpy

HERE = pathlib.Path(__file__).parent
CASES = {"llama3.1": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3"}


def rope_factors(dims, theta, scaling):
    """What Llama 3.1's rule (meta-llama/llama-models, apply_scaling) divides each frequency by."""
    context, low, high = (scaling[name] for name in (
        "original_max_position_embeddings", "low_freq_factor", "high_freq_factor"))
    factors = []
    for frequency in 1.0 / theta ** (numpy.arange(0, dims, 2, dtype=numpy.float32) / dims):
        turns = context * float(frequency) / (2 * math.pi)
        share = min(max((turns - low) / (high - low), 0), 1)
        factors.append(1 / ((1 - share) / scaling["factor"] + share))
    assert len({round(factor, 3) for factor in factors}) > 2, "no factor between the ends"
    return numpy.array(factors, dtype=numpy.float32)


def interleave(weight, heads):
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def make(name):
    folder = HERE / name
    config = json.loads((folder / "config.json").read_text())
    rope = config.get("rope_parameters") or {"rope_theta": config["rope_theta"]}
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
    head_dim = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    architecture = CASES[name]
    writer = gguf.GGUFWriter(folder / "model.gguf", architecture)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    if config.get("sliding_window") and config.get("use_sliding_window", True):
        writer.add_sliding_window(config["sliding_window"])
    if architecture == "llama":
        writer.add_vocab_size(config["vocab_size"])
        writer.add_rope_dimension_count(head_dim)
    writer.add_token_list([f"t{i}" for i in range(config["vocab_size"])])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    if rope.get("rope_type") == "llama3":
        writer.add_tensor("rope_freqs.weight", rope_factors(head_dim, rope["rope_theta"], rope))
    kind = {name: kind for kind, name in gguf.MODEL_ARCH_NAMES.items()}[architecture]
    names = gguf.get_tensor_name_map(kind, config["num_hidden_layers"])
    for key, tensor in safetensors.numpy.load_file(folder / "model.safetensors").items():
        module = key.split(".")[-2]
        if architecture == "llama" and module in heads:
            tensor = interleave(tensor, heads[module])
        writer.add_tensor(names.get_name(key, (".weight", ".bias")), numpy.ascontiguousarray(tensor))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        make(name)
