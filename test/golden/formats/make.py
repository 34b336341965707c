#!/usr/bin/env python3
"""Small Llama checkpoints packed by the tools that own each format, and what those tools decode them to.

  make.py --autogptq DIR --autoawq DIR --compressed-old DIR      writes a folder a case beside this file

DIR: auto_gptq 0.7.1's wheel and autoawq 0.2.9's source, unpacked (`pip download --no-deps`), read as plain files, since
their packages do not import without a GPU; compressed-tensors 0.11.0 with frozendict (`pip install --no-deps --target
DIR`), the last release line with group act-order. From PyPI: torch, transformers, gguf 0.19, compressed-tensors 0.20,
bitsandbytes 0.50.

A case holds its checkpoint, logits.f32 and golden.json as ../transformers/make.py describes them, and in golden.json
`decoded`: of each linear, the sha256 of its fp32 values (row after row, -0 written as 0) as the tool decodes them where
it is told to compute in fp32, and `shape`. Logits are of the values that the engine holds: these, or their rounding to 16
bits (NF4 as bitsandbytes computes with; block types but Q4_0 as fp16); `roundedBy` is what that rounding costs. Who packs and who decodes:
  gptq          AutoGPTQ's QuantLinear packs (v1) and decodes (a product with the identity, fp32 scales); v2 is its qzeros
                plus 0x11111111, as GPTQModel's convert_gptq_v1_to_v2_format_module does
  marlin        AutoGPTQ's Marlin QuantLinear packs; its kernel runs on GPUs alone, so decoded are the weights it was given
  awq           AutoAWQ's WQLinear_GEMM packs, its dequantize_gemm decodes
  compressed    compressed-tensors packs and decodes
  nf4, int8     bitsandbytes quantizes and decodes (CPU backend)
  gguf          gguf-py quantizes what it can (Q4_0 .. Q8_0) and decodes everything; its K-quants cannot quantize, so those
                blocks are random bits under sensible scales
llama.cpp's row order of q and k is the converter's: reshape(heads, 2, rows / heads / 2, k).swapaxes(1, 2), for llama and not for
qwen2.
"""
import argparse
import hashlib
import importlib.util
import json
import pathlib
import sys
import types

import gguf
import numpy
import torch

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "transformers"))
import make as small  # noqa: E402


def load_file(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def digest(weight):
    return hashlib.sha256((weight.float().contiguous().numpy() + numpy.float32(0)).tobytes()).hexdigest()


def small_config(**changes):
    return small.base_config(num_hidden_layers=1, vocab_size=96, **changes)


def random_int4(rng, n, k, group, symmetric, g_idx=None):
    """q (n, k), scale (groups, n) fp16 values in fp32, zero (groups, n), group of each column."""
    group = k if group == -1 else group
    groups = -(-k // group)
    g_idx = numpy.arange(k) // group if g_idx is None else g_idx
    scale = (rng.uniform(0.5, 1.5, (groups, n)) * 0.7 / (4.6 * k ** 0.5)).astype(numpy.float16).astype(numpy.float32)
    zero = numpy.full((groups, n), 8) if symmetric else rng.integers(5, 11, (groups, n))
    # Weights have a mean of 0, which is what tells one convention of zero points from another.
    q = numpy.clip(numpy.round(rng.standard_normal((n, k)) * 2.2) + zero[g_idx].T, 0, 15).astype(numpy.int64)
    return torch.from_numpy(q), torch.from_numpy(scale), torch.from_numpy(zero), torch.from_numpy(g_idx)


def weight_of(q, scale, zero, g_idx):
    return (q - zero[g_idx].T).float() * scale[g_idx].T


def as_linear(weight, dtype=torch.float32):
    linear = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    linear.weight.data = weight.to(dtype)
    return linear


# ---- a packer of each format: (rng, n, k) -> tensors by suffix, decoded weight (n, k) fp32 ----

def gptq(autogptq, group, symmetric, act_order, version):
    module = load_file("qlinear_cuda", autogptq / "auto_gptq/nn_modules/qlinear/qlinear_cuda.py")

    def pack(rng, n, k):
        order = (numpy.arange(k) // group)[rng.permutation(k)] if act_order else None
        q, scale, zero, g_idx = random_int4(rng, n, k, group, symmetric, order)
        layer = module.QuantLinear(4, group, k, n, False, weight_dtype=torch.float32)
        layer.autogptq_cuda_available = False
        layer.pack(as_linear(weight_of(q, scale, zero, g_idx)), scale.t(), zero.t().float(), g_idx.int())
        layer.kernel_switch_threshold = 0
        decoded = layer(torch.eye(k)).t().contiguous()
        assert torch.equal(decoded, weight_of(q, scale, zero, g_idx))
        qzeros = layer.qzeros
        if version == 2:
            qzeros = torch.from_numpy((qzeros.numpy().view(numpy.uint32) + numpy.uint32(0x11111111)).view(numpy.int32))
        return {"qweight": layer.qweight, "qzeros": qzeros, "scales": layer.scales.half(),
                "g_idx": layer.g_idx.int()}, decoded
    return pack


def marlin(autogptq, group):
    torch.cuda.get_device_capability = lambda *_: (8, 0)  # its constructor asks; packing needs none
    sys.modules["autogptq_marlin_cuda"] = types.ModuleType("autogptq_marlin_cuda")
    module = load_file("qlinear_marlin", autogptq / "auto_gptq/nn_modules/qlinear/qlinear_marlin.py")

    def pack(rng, n, k):
        q, scale, zero, g_idx = random_int4(rng, n, k, group, True)
        weight = weight_of(q, scale, zero, g_idx)
        layer = module.QuantLinear(4, k if group == -1 else group, k, n, False)
        layer.pack(as_linear(weight, torch.half), scale.t().contiguous().half())
        return {"B": layer.B, "s": layer.s, "workspace": layer.workspace}, weight
    return pack


def awq(autoawq, group):
    for name in ("awq", "awq.modules", "awq.modules.linear", "awq.utils"):
        package = types.ModuleType(name)
        package.__path__ = [str(autoawq / name.replace(".", "/"))]
        sys.modules[name] = package
    from awq.modules.linear.gemm import WQLinear_GEMM
    from awq.utils.packing_utils import dequantize_gemm

    def pack(rng, n, k):
        q, scale, zero, g_idx = random_int4(rng, n, k, group, False)
        layer = WQLinear_GEMM.from_linear(as_linear(weight_of(q, scale, zero, g_idx)), 4, group, scales=scale, zeros=zero)
        decoded = dequantize_gemm(layer.qweight, layer.qzeros, layer.scales.float(), 4, group).t().contiguous()
        assert torch.equal(decoded, weight_of(q, scale, zero, g_idx))
        return {"qweight": layer.qweight, "qzeros": layer.qzeros, "scales": layer.scales}, decoded
    return pack


def compressed(group, symmetric, act_order, dtype):
    """With act_order, the release of --compressed-old: later ones have dropped it."""
    if act_order:
        for name in [name for name in sys.modules if name.split(".")[0] == "compressed_tensors"]:
            del sys.modules[name]
        sys.path.insert(0, str(act_order))
        from compressed_tensors.compressors.quantized_compressors.pack_quantized import PackedQuantizationCompressor
    else:
        from compressed_tensors.compressors.pack_quantized.base import PackedQuantizationCompressor
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
    arguments = {"num_bits": 4, "type": "int", "symmetric": symmetric,
                 "strategy": "channel" if group == -1 else "group"}
    if group != -1:
        arguments["group_size"] = group
    if act_order:
        arguments["actorder"] = "group"
    scheme = QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(**arguments))

    def pack(rng, n, k):
        order = (numpy.arange(k) // group)[rng.permutation(k)] if act_order else None
        q, scale, zero, g_idx = random_int4(rng, n, k, group, symmetric, order)
        # fp32 scales that no fp16 is, or what is left of them in 16 bits.
        scale = (scale * 1.0001).to(dtype).float()
        weight = weight_of(q, scale, zero, g_idx)
        columns = scale.t().contiguous()
        points = (zero - 8).t().contiguous().to(torch.int8)
        if act_order:
            old, g_idx = PackedQuantizationCompressor(), g_idx.int()
            packed = old.compress_weight(weight, columns, scheme.weights, points, g_idx)
            packed.update(weight_scale=columns, weight_g_idx=g_idx)
            decoded = old.decompress_weight(packed, scheme.weights)
        else:
            state = {"weight": weight, "weight_scale": columns}
            if not symmetric:
                state["weight_zero_point"] = points
            packed = PackedQuantizationCompressor.compress(state, scheme)
            decoded = PackedQuantizationCompressor.decompress(dict(packed), scheme)["weight"]
        assert decoded.dtype == torch.float32 and torch.equal(decoded, weight)
        packed["weight_scale"] = packed["weight_scale"].to(dtype)
        return packed, decoded
    pack.arguments = arguments
    return pack


def nf4(dtype, double):
    import bitsandbytes.functional as functional

    def pack(rng, n, k):
        weight = torch.from_numpy((rng.standard_normal((n, k)) * 1.5 / k ** 0.5 + 0.01).astype(numpy.float32)).to(dtype)
        packed, state = functional.quantize_4bit(weight, blocksize=64, quant_type="nf4", compress_statistics=double)
        tensors = {"weight": packed}
        tensors.update({"weight." + name: value for name, value in state.as_dict(packed=True).items()})
        held = functional.dequantize_4bit(packed, state)
        state.dtype = torch.float32
        decoded = functional.dequantize_4bit(packed, state)
        assert decoded.dtype == torch.float32 and torch.equal(decoded.to(dtype), held)
        return tensors, decoded, held.float()
    return pack


def llm_int8():
    import bitsandbytes.functional as functional

    def pack(rng, n, k):
        weight = torch.from_numpy((rng.standard_normal((n, k)) * 1.5 / k ** 0.5).astype(numpy.float32)).half()
        q, absmax, _ = functional.int8_vectorwise_quant(weight)
        decoded = functional.int8_vectorwise_dequant(q, absmax)
        return {"weight": q, "SCB": absmax, "weight_format": torch.tensor(0, dtype=torch.uint8)}, decoded
    return pack


# ---- safetensors cases ----

def write_case(name, config, rng, dtype, pack):
    folder = HERE / name
    tensors = small.random_tensors(config, rng, dtype, lambda *_: {})
    state = {key: tensor.float() for key, tensor in tensors.items()}
    exact = dict(state)
    decoded = {}
    for path, (n, k) in linears(config):
        packed, weight, *held = pack(rng, n, k)
        tensors.update({f"{path}.{suffix}": value.contiguous() for suffix, value in packed.items()})
        decoded[path] = {"shape": [n, k], "sha256": digest(weight)}
        state[path + ".weight"] = held[0] if held else weight
        exact[path + ".weight"] = weight
    small.write_checkpoint(folder, config, tensors)
    finish(folder, config, state, decoded, exact)


def linears(config):
    for layer in range(config["num_hidden_layers"]):
        for module, shape in small.linear_shapes(config).items():
            yield f"model.layers.{layer}.{module}", shape


def make_llama(config, state):
    import transformers
    known = {"llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
             "qwen2": (transformers.Qwen2Config, transformers.Qwen2ForCausalLM)}
    make_config, make_model = known[config["model_type"]]
    llama = make_config(**config)
    llama._attn_implementation = "eager"
    model = make_model(llama).float().eval()
    if config["tie_word_embeddings"]:
        state = dict(state)
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not missing and not unexpected, (missing, unexpected)
    return model


def finish(folder, config, state, decoded, exact):
    """`state` is what the engine holds, `exact` the decoded fp32; they differ where it holds 16 bits of them."""
    config = {name: value for name, value in config.items() if name != "quantization_config"}
    model, exact_model = make_llama(config, state), make_llama(config, exact)
    rng = numpy.random.default_rng(100)
    prompts = [rng.integers(3, config["vocab_size"], length).tolist() for length in (1, 20, 5)]
    small.write_golden(model, prompts, folder, 16, [], [0, 1], "all")
    golden = json.loads((folder / "golden.json").read_text())
    golden["decoded"] = decoded
    tokens = torch.tensor([prompts[1]])
    held_logits, exact_logits = model(tokens).logits, exact_model(tokens).logits
    # What holding 16 bits costs: the largest difference of a logit over the largest logit.
    golden["roundedBy"] = float((held_logits - exact_logits).abs().max() / exact_logits.abs().max())
    (folder / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


def gptq_config(group, symmetric, act_order, **changes):
    return {"quant_method": "gptq", "bits": 4, "group_size": group, "sym": symmetric, "desc_act": act_order, **changes}


def safetensors_cases(autogptq, autoawq, compressed_old):
    def case(name, seed, quantization, dtype, pack, **sizes):
        write_case(name, small_config(quantization_config=quantization, **sizes), numpy.random.default_rng(seed), dtype, pack)

    # No checkpoint_format: the words tell. The same integers in both.
    for version in (1, 2):
        case(f"gptq-v{version}-sym", 1, gptq_config(32, True, False), torch.float16,
             gptq(autogptq, 32, True, False, version))
        case(f"gptq-v{version}-asym-act-order", 2, gptq_config(32, False, True), torch.float16,
             gptq(autogptq, 32, False, True, version))
    wide = {"hidden_size": 256, "intermediate_size": 256, "num_key_value_heads": 4, "head_dim": 64}
    for name, group in (("marlin-g128", 128), ("marlin-row", -1)):
        case(name, 3, gptq_config(group, True, False, checkpoint_format="marlin"), torch.float16,
             marlin(autogptq, group), **wide)
    case("awq-g32", 4, {"quant_method": "awq", "bits": 4, "group_size": 32, "zero_point": True, "version": "gemm",
                        "modules_to_not_convert": None}, torch.float16, awq(autoawq, 32))
    for name, group, symmetric, act_order, dtype in (
            ("compressed-g32-asym-bf16", 32, False, False, torch.bfloat16),
            ("compressed-channel-asym-fp32", -1, False, False, torch.float32),
            ("compressed-g32-sym-act-order", 32, True, compressed_old, torch.float16)):
        pack = compressed(group, symmetric, act_order, dtype)
        case(name, 5, {"quant_method": "compressed-tensors", "format": "pack-quantized", "ignore": ["lm_head"],
                       "kv_cache_scheme": None, "quantization_status": "compressed",
                       "config_groups": {"group_0": {"targets": ["Linear"], "weights": pack.arguments,
                                                     "input_activations": None, "output_activations": None}}},
             dtype, pack)
    for name, dtype, double in (("nf4-bf16", torch.bfloat16, False), ("nf4-double-fp16", torch.float16, True)):
        case(name, 6, {"quant_method": "bitsandbytes", "load_in_4bit": True, "load_in_8bit": False,
                       "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": double,
                       "bnb_4bit_compute_dtype": str(dtype).removeprefix("torch.")}, dtype, nf4(dtype, double))
    case("llm-int8", 7, {"quant_method": "bitsandbytes", "load_in_8bit": True, "load_in_4bit": False,
                         "llm_int8_threshold": 6.0}, torch.float16, llm_int8())


# ---- GGUF cases ----

NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
         "mlp.down_proj": "ffn_down"}


def quantize_gguf(rng, weight, kind):
    """Rows (n, k) -> the block bytes and what gguf-py decodes them to."""
    if kind in (gguf.GGMLQuantizationType.Q4_K, gguf.GGMLQuantizationType.Q5_K, gguf.GGMLQuantizationType.Q6_K):
        values, size = gguf.GGML_QUANT_SIZES[kind]
        blocks = rng.integers(0, 256, (weight.size // values, size), dtype=numpy.uint8)
        unit = 1.5 / weight.shape[-1] ** 0.5
        halves = blocks.view(numpy.float16)
        if kind == gguf.GGMLQuantizationType.Q6_K:
            blocks[:, 192:208] = rng.integers(-64, 64, (len(blocks), 16)).astype(numpy.int8).view(numpy.uint8)
            halves[:, 104] = rng.uniform(0.5, 1.5, len(blocks)) * unit / 700
        else:
            levels = 8 if kind == gguf.GGMLQuantizationType.Q4_K else 16
            halves[:, 0] = rng.uniform(0.5, 1.5, len(blocks)) * unit / 150
            halves[:, 1] = halves[:, 0] * levels
        data = blocks.reshape(weight.shape[0], -1)
    else:
        data = gguf.quants.quantize(weight, kind)
    return data, gguf.quants.dequantize(data, kind).reshape(weight.shape)


def interleave(weight, heads):
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def deinterleave(weight, heads):
    return weight.reshape(heads, weight.shape[0] // heads // 2, 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def write_gguf(name, seed, config, kinds, table, head):
    kind_of = gguf.GGMLQuantizationType
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    rng = numpy.random.default_rng(seed)
    tensors = {key: value.float() for key, value in small.random_tensors(config, rng, torch.float32, lambda *_: {}).items()}
    is_llama = config["model_type"] == "llama"
    writer = gguf.GGUFWriter(folder / "model.gguf", config["model_type"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_token_list([f"t{i}" for i in range(config["vocab_size"])])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    state, decoded, exact = {}, {}, {}

    def keep(key, values, kind):
        exact[key] = torch.from_numpy(numpy.array(values))
        is_held = kind in (kind_of.F32, kind_of.F16, kind_of.BF16) or (kind == kind_of.Q4_0 and "proj" in key)
        state[key] = exact[key] if is_held else exact[key].half().float()

    def add(stored, weight, kind):
        data, values = quantize_gguf(rng, weight, kind)
        writer.add_tensor(stored, data, raw_dtype=kind)
        return values

    for key, stored, kind in (("model.embed_tokens.weight", "token_embd.weight", table),
                              ("lm_head.weight", "output.weight", head)):
        if key in tensors:
            keep(key, add(stored, tensors[key].numpy(), kind), kind)
    for key, tensor in tensors.items():
        if "norm" not in key:
            continue
        stored = key.replace("model.layers.", "blk.").replace("input_layernorm", "attn_norm")
        stored = stored.replace("post_attention_layernorm", "ffn_norm").replace("model.norm", "output_norm")
        keep(key, add(stored, tensor.numpy(), kind_of.F32), kind_of.F32)
    for path, (n, k) in linears(config):
        _, _, layer, module = path.split(".", 3)
        weight = (rng.standard_normal((n, k)) * 1.5 / k ** 0.5).astype(numpy.float32)
        heads = {"self_attn.q_proj": config["num_attention_heads"],
                 "self_attn.k_proj": config["num_key_value_heads"]}.get(module) if is_llama else None
        values = add(f"blk.{layer}.{NAMES[module]}.weight", interleave(weight, heads) if heads else weight,
                     kind_of[kinds[module]])
        keep(path + ".weight", deinterleave(values, heads) if heads else values, kind_of[kinds[module]])
        decoded[path] = {"shape": [n, k], "sha256": digest(exact[path + ".weight"])}
        if not is_llama and module in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"):
            bias = (rng.standard_normal(n) * 0.3).astype(numpy.float32)
            keep(path + ".bias", add(f"blk.{layer}.{NAMES[module]}.bias", bias, kind_of.F32), kind_of.F32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    finish(folder, config, state, decoded, exact)


def gguf_cases():
    kind_of = gguf.GGMLQuantizationType
    write_gguf("gguf-small-blocks", 11, small_config(), dict(zip(NAMES, (
        "Q4_1", "Q8_0", "Q5_1", "F16", "Q5_0", "BF16", "F32"))), kind_of.F16, kind_of.Q8_0)
    write_gguf("gguf-q4_0", 12, small_config(tie_word_embeddings=True), dict.fromkeys(NAMES, "Q4_0"),
               kind_of.Q8_0, None)
    qwen = small_config(architectures=["Qwen2ForCausalLM"], model_type="qwen2")
    write_gguf("gguf-qwen2", 14, qwen, dict.fromkeys(NAMES, "Q4_0"), kind_of.F16, kind_of.F16)
    wide = small_config(hidden_size=256, intermediate_size=256, head_dim=64, tie_word_embeddings=True)
    write_gguf("gguf-k-blocks", 13, wide, dict(zip(NAMES, (
        "Q4_K", "Q5_K", "Q6_K", "Q4_K", "Q5_K", "Q4_K", "Q6_K"))), kind_of.Q6_K, None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--autogptq", type=pathlib.Path, required=True)
    parser.add_argument("--autoawq", type=pathlib.Path, required=True)
    parser.add_argument("--compressed-old", type=pathlib.Path, required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with torch.no_grad():
        gguf_cases()
        safetensors_cases(given.autogptq, given.autoawq, given.compressed_old)
