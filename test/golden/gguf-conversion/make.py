#!/usr/bin/env python3
"""A small random Llama as GGUF (Q4_1, Q8_0, F16, F32) with a byte-level vocabulary, and the checkpoint that transformers
reads from it: golden.json holds the sha256 of each tensor in bf16 (its bytes) and of config.json what must be in it."""
import hashlib
import importlib.metadata
import json
import pathlib

import gguf
import numpy
import torch
import transformers

HERE = pathlib.Path(__file__).parent
VOCABULARY = HERE.parent / "tokenizers" / "byte-level" / "tokenizer.json"
LAYERS, HIDDEN, INNER, HEADS, KV, DIM = 2, 64, 96, 4, 2, 16
Q = gguf.GGMLQuantizationType


def main():
    rng = numpy.random.default_rng(3)
    definition = json.loads(VOCABULARY.read_text())
    vocab = definition["model"]["vocab"]
    tokens = [t for t, _ in sorted(vocab.items(), key=lambda item: item[1])]
    writer = gguf.GGUFWriter(str(HERE / "model.gguf"), "llama")
    writer.add_block_count(LAYERS)
    writer.add_context_length(256)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV)
    writer.add_rope_dimension_count(DIM)
    writer.add_rope_freq_base(100000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * 3 + [1] * (len(tokens) - 3))
    writer.add_token_merges([" ".join(m) if isinstance(m, list) else m for m in definition["model"]["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_chat_template("{{ messages[0]['content'] }}")

    def add(name, shape, kind):
        data = rng.standard_normal(shape).astype(numpy.float32) * 0.1
        if kind in (Q.F32, Q.F16):
            writer.add_tensor(name, data.astype(numpy.float32 if kind == Q.F32 else numpy.float16))
        else:
            writer.add_tensor(name, gguf.quants.quantize(data, kind), raw_dtype=kind)

    add("token_embd.weight", (len(tokens), HIDDEN), Q.Q8_0)
    add("output_norm.weight", (HIDDEN,), Q.F32)
    for i in range(LAYERS):
        kind = Q.Q4_1 if i == 0 else Q.F16
        add(f"blk.{i}.attn_norm.weight", (HIDDEN,), Q.F32)
        add(f"blk.{i}.ffn_norm.weight", (HIDDEN,), Q.F32)
        add(f"blk.{i}.attn_q.weight", (HEADS * DIM, HIDDEN), kind)
        add(f"blk.{i}.attn_k.weight", (KV * DIM, HIDDEN), kind)
        add(f"blk.{i}.attn_v.weight", (KV * DIM, HIDDEN), kind)
        add(f"blk.{i}.attn_output.weight", (HIDDEN, HEADS * DIM), Q.Q8_0)
        add(f"blk.{i}.ffn_gate.weight", (INNER, HIDDEN), kind)
        add(f"blk.{i}.ffn_up.weight", (INNER, HIDDEN), kind)
        add(f"blk.{i}.ffn_down.weight", (HIDDEN, INNER), kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    model = transformers.AutoModelForCausalLM.from_pretrained(HERE, gguf_file="model.gguf", dtype=torch.float32)
    tensors = {}
    for name, value in model.state_dict().items():
        if name == "lm_head.weight":
            continue  # tied
        data = value.to(torch.bfloat16).contiguous().view(torch.int16).numpy()
        tensors[name] = {"shape": list(value.shape), "sha256": hashlib.sha256(data.tobytes()).hexdigest()}
    config = model.config.to_dict()
    kept = ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size",
            "max_position_embeddings", "bos_token_id", "eos_token_id", "tie_word_embeddings", "hidden_act"]
    (HERE / "golden.json").write_text(json.dumps({
        "madeBy": f"transformers {transformers.__version__}, gguf {importlib.metadata.version('gguf')}",
        "config": {key: config[key] for key in kept}, "tensors": tensors}, indent=1) + "\n")


main()
