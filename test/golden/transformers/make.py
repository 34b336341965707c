#!/usr/bin/env python3
"""Golden values of the forward pass, from Hugging Face transformers in fp32 on the CPU.

  make.py                                     writes the small random checkpoints beside this file, each in a folder
                                              with its golden.json and logits.f32
  make.py --checkpoint DIR --prompts FILE --out DIR [--new-tokens 48] [--logits 8] [--stop ID ...]
                                              golden values of an existing checkpoint (float or GPTQ). FILE is JSON: a
                                              list of prompts, each a list of token ids or a text for tokenizer.json.

golden.json: prompts (token ids), greedy (new tokens of each, a stop token ends one and is left out), margins (of each
drawn token: best logit minus second best), stopTokens, newTokens, logitPrompts (which prompts have logits), logitRows
("all" rows of those prompts, or the "last"), vocabSize. logits.f32: little-endian fp32 rows, prompt after prompt.
GPTQ weights are dequantized here from the format's definition; no quantization library is used.
"""
import argparse
import json
import pathlib
import sys

import numpy
import safetensors.numpy
import safetensors.torch
import torch
import transformers

HERE = pathlib.Path(__file__).parent


# ---- GPTQ, by definition: w[n][k] = scale[g][n] * (q[n][k] - zero[g][n]), g = g_idx[k] ----

def pack_nibbles(values, axis):
    """int4 values 0..15 -> int32 words of 8 along `axis`, least significant first."""
    moved = numpy.moveaxis(values.astype(numpy.uint32), axis, -1)
    grouped = moved.reshape(*moved.shape[:-1], -1, 8)
    words = (grouped << (4 * numpy.arange(8, dtype=numpy.uint32))).sum(axis=-1, dtype=numpy.uint32)
    return numpy.ascontiguousarray(numpy.moveaxis(words, -1, axis)).view(numpy.int32)


def unpack_nibbles(words, axis):
    moved = numpy.moveaxis(words.view(numpy.uint32), axis, -1)
    values = (moved[..., None] >> (4 * numpy.arange(8, dtype=numpy.uint32))) & 15
    return numpy.moveaxis(values.reshape(*moved.shape[:-1], -1), -1, axis)


def dequantize_gptq(tensors, path, checkpoint_format):
    q = unpack_nibbles(tensors[path + ".qweight"], 0).astype(numpy.int64)  # (k, n)
    zero = unpack_nibbles(tensors[path + ".qzeros"], 1).astype(numpy.int64)  # (groups, n)
    if checkpoint_format == "gptq":
        zero = zero + 1
    scale = tensors[path + ".scales"].astype(numpy.float32)
    g = tensors[path + ".g_idx"].astype(numpy.int64)
    weight = scale[g] * (q - zero[g]).astype(numpy.float32)
    return torch.from_numpy(numpy.ascontiguousarray(weight.T))


def random_gptq(rng, n, k, group_size, symmetric, act_order, checkpoint_format):
    """The four tensors of a linear with random integers, scales and zero points."""
    group = k if group_size == -1 else group_size
    groups = -(-k // group)
    q = rng.integers(0, 16, (k, n))
    scale = (rng.uniform(0.5, 1.5, (groups, n)) * 0.7 / (4.6 * k ** 0.5)).astype(numpy.float16)
    # v1 cannot store 0: it stores zero - 1.
    zero = numpy.full((groups, n), 8) if symmetric else rng.integers(3, 13, (groups, n))
    stored = zero - 1 if checkpoint_format == "gptq" else zero
    g_idx = numpy.arange(k) // group
    if act_order:
        g_idx = g_idx[rng.permutation(k)]
    return {
        "qweight": pack_nibbles(q, 0),
        "qzeros": pack_nibbles(stored, 1),
        "scales": scale,
        "g_idx": g_idx.astype(numpy.int32),
    }


# ---- reading a checkpoint into a transformers model in fp32 ----

def read_tensors(folder):
    tensors = {}
    for file in sorted(folder.glob("*.safetensors")):
        for name, tensor in safetensors.torch.load_file(file).items():
            tensors[name] = tensor
    return tensors


def load_model(folder):
    config_json = json.loads((folder / "config.json").read_text())
    quantization = config_json.pop("quantization_config", None)
    tensors = read_tensors(folder)
    state = {}
    for name, tensor in tensors.items():
        path, _, kind = name.rpartition(".")
        if kind == "qweight":
            arrays = {path + "." + part: tensors[path + "." + part].numpy()
                      for part in ("qweight", "qzeros", "scales", "g_idx")}
            state[path + ".weight"] = dequantize_gptq(arrays, path, quantization.get("checkpoint_format", "gptq"))
        elif kind == "weight":
            state[name] = tensor.float()
    config = transformers.LlamaConfig(**config_json)
    config._attn_implementation = "eager"
    model = transformers.LlamaForCausalLM(config).float().eval()
    if config.tie_word_embeddings:
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not missing and not unexpected, (missing, unexpected)
    return model


@torch.no_grad()
def greedy(model, prompt, new_tokens, stop_tokens):
    tokens, margins = [], []
    output = model(torch.tensor([prompt]), use_cache=True)
    while len(tokens) < new_tokens:
        logits = output.logits[0, -1]
        best = torch.topk(logits, 2).values
        token = int(torch.argmax(logits))
        margins.append(float(best[0] - best[1]))
        if token in stop_tokens:
            break
        tokens.append(token)
        if len(tokens) < new_tokens:
            output = model(torch.tensor([[token]]), past_key_values=output.past_key_values, use_cache=True)
    return tokens, margins


@torch.no_grad()
def write_golden(model, prompts, out, new_tokens, stop_tokens, logit_prompts, logit_rows):
    rows, answers, margins = [], [], []
    for i, prompt in enumerate(prompts):
        if i in logit_prompts:
            logits = model(torch.tensor([prompt])).logits[0]
            rows.append((logits if logit_rows == "all" else logits[-1:]).numpy())
        tokens, margin = greedy(model, prompt, new_tokens, stop_tokens)
        answers.append(tokens)
        margins.append([float(f"{m:.4g}") for m in margin])
        print(f"\r{out.name}: {i + 1}/{len(prompts)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    out.mkdir(parents=True, exist_ok=True)
    numpy.concatenate(rows).astype("<f4").tofile(out / "logits.f32")
    golden = {
        "madeBy": f"transformers {transformers.__version__}, torch {torch.__version__}, fp32, cpu",
        "vocabSize": model.config.vocab_size, "newTokens": new_tokens, "stopTokens": stop_tokens,
        "logitPrompts": logit_prompts, "logitRows": logit_rows,
        "prompts": prompts, "greedy": answers, "margins": margins,
    }
    (out / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


# ---- the small random checkpoints ----

def base_config(**changes):
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "intermediate_size": 128,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
        "vocab_size": 160, "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "hidden_act": "silu", "attention_bias": False, "mlp_bias": False, "rope_scaling": None,
        "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2,
    }
    config.update(changes)
    return config


def linear_shapes(config):
    hidden, inner, head = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    q, kv = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    return {"self_attn.q_proj": (q, hidden), "self_attn.k_proj": (kv, hidden), "self_attn.v_proj": (kv, hidden),
            "self_attn.o_proj": (hidden, q), "mlp.gate_proj": (inner, hidden), "mlp.up_proj": (inner, hidden),
            "mlp.down_proj": (hidden, inner)}


def random_tensors(config, rng, dtype, quantize=None):
    """quantize(rng, n, k) -> the tensors of a GPTQ linear; None: float linears."""
    def normal(*shape, scale=1.0):
        return torch.from_numpy((rng.standard_normal(shape) * scale).astype(numpy.float32)).to(dtype)

    hidden, vocab = config["hidden_size"], config["vocab_size"]
    tensors = {"model.embed_tokens.weight": normal(vocab, hidden),
               "model.norm.weight": 1 + normal(hidden, scale=0.1)}
    if not config["tie_word_embeddings"]:
        tensors["lm_head.weight"] = normal(vocab, hidden, scale=3 / hidden ** 0.5)
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        for norm in ("input_layernorm", "post_attention_layernorm"):
            tensors[prefix + norm + ".weight"] = 1 + normal(hidden, scale=0.1)
        for module, (n, k) in linear_shapes(config).items():
            if quantize is None:
                tensors[prefix + module + ".weight"] = normal(n, k, scale=1.5 / k ** 0.5)
            else:
                for part, array in quantize(rng, n, k).items():
                    tensors[f"{prefix}{module}.{part}"] = torch.from_numpy(array)
    return tensors


def write_checkpoint(folder, config, tensors, shards=1):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    if shards == 1:
        safetensors.torch.save_file(tensors, folder / "model.safetensors", {"format": "pt"})
        return
    names, weight_map = sorted(tensors), {}
    for shard in range(shards):
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        part = {name: tensors[name] for name in names[shard::shards]}
        safetensors.torch.save_file(part, folder / file, {"format": "pt"})
        weight_map.update({name: file for name in part})
    index = {"metadata": {"total_size": sum(t.numel() * t.element_size() for t in tensors.values())},
             "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")


def gptq_case(name, seed, group_size, symmetric, act_order, checkpoint_format):
    config = base_config(quantization_config={
        "quant_method": "gptq", "bits": 4, "group_size": group_size, "sym": symmetric, "desc_act": act_order,
        "checkpoint_format": checkpoint_format})

    def quantize(rng, n, k):
        return random_gptq(rng, n, k, group_size, symmetric, act_order, checkpoint_format)
    return name, config, random_tensors(config, numpy.random.default_rng(seed), torch.float16, quantize), 1


def small_cases():
    config = base_config()
    yield "float32", config, random_tensors(config, numpy.random.default_rng(1), torch.float32), 1
    # Tied, sharded, one KV head, heads wider than hidden / heads, rotary settings where transformers 5 puts them.
    config = base_config(num_key_value_heads=1, head_dim=24, tie_word_embeddings=True)
    del config["rope_theta"], config["rope_scaling"]
    config["rope_parameters"] = {"rope_type": "default", "rope_theta": 500000.0}
    yield "bfloat16-sharded", config, random_tensors(config, numpy.random.default_rng(2), torch.bfloat16), 2
    yield gptq_case("gptq-v1-g32-sym", 3, 32, True, False, "gptq")
    yield gptq_case("gptq-v2-g64-asym-act-order", 4, 64, False, True, "gptq_v2")
    yield gptq_case("gptq-v1-row-asym", 5, -1, False, False, "gptq")


def make_small():
    for name, config, tensors, shards in small_cases():
        folder = HERE / name
        write_checkpoint(folder, config, tensors, shards)
        rng = numpy.random.default_rng(100)
        lengths = [1, 7, 33, 2, 12, 64, 20, 5]
        prompts = [rng.integers(3, config["vocab_size"], length).tolist() for length in lengths]
        write_golden(load_model(folder), prompts, folder, 24, [], [0, 1, 2], "all")


def make_golden(arguments):
    folder = pathlib.Path(arguments.checkpoint)
    prompts = json.loads(pathlib.Path(arguments.prompts).read_text())
    if any(isinstance(prompt, str) for prompt in prompts):
        import tokenizers
        tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        prompts = [tokenizer.encode(p).ids if isinstance(p, str) else p for p in prompts]
    write_golden(load_model(folder), prompts, pathlib.Path(arguments.out), arguments.new_tokens, arguments.stop,
                 list(range(min(arguments.logits, len(prompts)))), "last")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint")
    parser.add_argument("--prompts")
    parser.add_argument("--out")
    parser.add_argument("--new-tokens", type=int, default=48)
    parser.add_argument("--logits", type=int, default=8)
    parser.add_argument("--stop", type=int, nargs="*", default=[])
    given = parser.parse_args()
    torch.set_num_threads(1)  # the matrices are small
    if given.checkpoint is None:
        make_small()
    elif given.prompts is None or given.out is None:
        parser.error("--checkpoint needs --prompts and --out")
    else:
        make_golden(given)
