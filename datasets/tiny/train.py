#!/usr/bin/env python3
"""Trains the built-in checkpoint from the text that write-corpus.ts made, and exports it in Hugging Face layout.

One command, seeded: tokenizer, model, training, judging (reading, knowing, and both under simulated INT4), export.
What the text says is the generators' business; what the checkpoint scores in the end is the harness's.
"""

import argparse
import copy
import itertools
import json
import math
import multiprocessing
import os
import random
import re
import signal
import sys
import time

import numpy
import torch
import torch.nn.functional as F
from torch import nn

BOS, EOS, PAD = 0, 1, 2
KINDS = ("orca", "facts", "choice")
# Loss weight of (text that is only read, text that is learnt). Letters are few, so each of them counts more.
LOSS_WEIGHTS = {"orca": (0.05, 1.0), "facts": (0.0, 1.0), "choice": (0.02, 8.0)}
# Shares of the rows of a batch in the order of KINDS: facts first, since a letter can only be picked by what is known.
EARLY_SHARES = (0.35, 0.45, 0.20)
LATE_SHARES = (0.45, 0.20, 0.35)
EARLY_UNTIL = 0.15
# From here on half of the steps see the linear layers rounded to INT4, so that the checkpoint bears quantization.
ROUNDING_FROM = 0.6
DECAY_FROM = 0.35
# Facts are also read off the residual stream after this many layers: what is recalled early can still be compared with
# the options of a question in the layers that remain. Without it the letters of untold questions stayed at 57 %.
RECALL_LAYERS = 3
RECALL_WEIGHT = 0.5
GROUP_SIZE = 64
SHARDS = 16


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", required=True, help="folder written by write-corpus.js")
    parser.add_argument("--out", required=True, help="folder of the checkpoint")
    parser.add_argument("--steps", type=int, default=0, help="train exactly this many steps")
    parser.add_argument("--minutes", type=float, default=0, help="or as many as fit, by the clock")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=128, help="rows of 512 tokens a step")
    parser.add_argument("--muon-lr", type=float, default=0.02)
    parser.add_argument("--adam-lr", type=float, default=3e-3)
    parser.add_argument("--eval-every", type=float, default=0.1, help="share of the training between evaluations")
    parser.add_argument("--eval-rows", type=int, default=128, help="rows of the evaluations on the way")
    parser.add_argument("--final-rows", type=int, default=1000)
    parser.add_argument("--max-new", type=int, default=96)
    parser.add_argument("--no-compile", action="store_true")
    arguments = parser.parse_args()
    if (arguments.steps > 0) == (arguments.minutes > 0):
        parser.error("give one of --steps and --minutes")
    return arguments


# ---------------------------------------------------------------- text to tokens


def read_lines(path, count=None):
    with open(path, encoding="utf-8") as file:
        for i, line in enumerate(file):
            if count is not None and i >= count:
                return
            yield json.loads(line)


def train_tokenizer(corpus):
    """Byte-level BPE with 1,024 entries; digits stand alone."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1024,
        special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = (
        "".join(text for text, _ in document)
        for kind in KINDS
        for document in read_lines(f"{corpus}/train-{kind}.jsonl", 10000)
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", BOS)]
    )
    for letter in "ABCD":
        ids = tokenizer.encode(f" {letter}", add_special_tokens=False).ids
        assert len(ids) == 1, f'" {letter}" is {len(ids)} tokens'
    assert tokenizer.get_vocab_size() == 1024
    return tokenizer


def encode_all(tokenizer, texts):
    encode = getattr(tokenizer, "encode_batch_fast", tokenizer.encode_batch)
    ids = []
    for start in range(0, len(texts), 50000):
        ids += [e.ids for e in encode(texts[start : start + 50000], add_special_tokens=False)]
    return ids


def pack_shard(task):
    """Whole documents, `<s> text </s>`, side by side in rows of width + 1 tokens; returns tokens and loss weights."""
    definition, path, first, last, weights, width = task
    from tokenizers import Tokenizer

    with open(path, encoding="utf-8") as file:
        documents = [json.loads(line) for line in itertools.islice(file, first, last)]
    pieces = encode_all(Tokenizer.from_str(definition), [text for document in documents for text, _ in document])
    rows, row, piece = [], ([], []), 0
    for document in documents:
        ids, marks = [BOS], [0.0]
        for _, learnt in document:
            ids += pieces[piece]
            marks += [weights[learnt]] * len(pieces[piece])
            piece += 1
        ids.append(EOS)
        marks.append(min(1.0, weights[1]))
        if len(ids) > width + 1:
            continue
        if len(row[0]) + len(ids) > width + 1:
            rows.append(row)
            row = ([], [])
        row[0].extend(ids)
        row[1].extend(marks)
    if row[0]:
        rows.append(row)
    tokens = numpy.full((len(rows), width + 1), PAD, dtype=numpy.int16)
    marks = numpy.zeros((len(rows), width + 1), dtype=numpy.float16)
    for i, (ids, values) in enumerate(rows):
        tokens[i, : len(ids)] = ids
        marks[i, : len(ids)] = values
    return tokens, marks


def pack_rows(tokenizer, path, weights, width):
    """All documents of a file. The number of shards is fixed: the rows must not depend on the machine."""
    with open(path, encoding="utf-8") as file:
        count = sum(1 for _ in file)
    edges = [count * i // SHARDS for i in range(SHARDS + 1)]
    tasks = [(tokenizer.to_str(), path, a, b, weights, width) for a, b in zip(edges, edges[1:]) if b > a]
    with multiprocessing.get_context("spawn").Pool(min(os.cpu_count() or 1, SHARDS)) as pool:
        shards = pool.map(pack_shard, tasks, chunksize=1)
    tokens, marks = (numpy.concatenate(parts) for parts in zip(*shards))
    return torch.from_numpy(tokens), torch.from_numpy(marks)


# ---------------------------------------------------------------- model


class Config:
    vocab_size = 1024
    hidden_size = 256
    layers = 6
    heads = 4
    kv_heads = 2
    head_dim = 64
    intermediate_size = 640
    eps = 1e-5
    rope_theta = 10000.0
    max_positions = 1024


def round_to_int4(weight):
    """Symmetric round to nearest in groups along the input: what a plain INT4 quantizer would keep of the weight."""
    groups = weight.reshape(weight.shape[0], -1, GROUP_SIZE)
    scale = groups.abs().amax(dim=-1, keepdim=True).clamp_min(1e-8) * (2 / 15)
    return ((groups / scale).round().clamp(-8, 7) * scale).reshape(weight.shape)


class Linear(nn.Linear):
    """Without bias; `rounding` 1 makes it compute with INT4 weights, while gradients pass to the exact ones."""

    def __init__(self, inputs, outputs, rounding):
        super().__init__(inputs, outputs, bias=False)
        self.rounding = rounding

    def forward(self, x):
        weight = self.weight
        if self.training:
            weight = weight + self.rounding[0] * (round_to_int4(weight) - weight).detach()
        return F.linear(x, weight)


class RMSNorm(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(config.hidden_size))
        self.eps = config.eps

    def forward(self, x):
        exact = x.float()
        exact = exact * torch.rsqrt(exact.pow(2).mean(-1, keepdim=True) + self.eps)
        return (self.weight * exact).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, config, rounding):
        super().__init__()
        self.config = config
        width, kv_width = config.heads * config.head_dim, config.kv_heads * config.head_dim
        self.q_proj = Linear(config.hidden_size, width, rounding)
        self.k_proj = Linear(config.hidden_size, kv_width, rounding)
        self.v_proj = Linear(config.hidden_size, kv_width, rounding)
        self.o_proj = Linear(width, config.hidden_size, rounding)

    def forward(self, x, cos, sin):
        batch, length, _ = x.shape
        split = lambda y, heads: y.view(batch, length, heads, self.config.head_dim).transpose(1, 2)
        q = rotate(split(self.q_proj(x), self.config.heads), cos, sin)
        k = rotate(split(self.k_proj(x), self.config.kv_heads), cos, sin)
        v = split(self.v_proj(x), self.config.kv_heads)
        sharers = self.config.heads // self.config.kv_heads
        k, v = k.repeat_interleave(sharers, dim=1), v.repeat_interleave(sharers, dim=1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(y.transpose(1, 2).reshape(batch, length, -1))


def rotate(x, cos, sin):
    low, high = x.chunk(2, dim=-1)
    return torch.cat((low * cos - high * sin, high * cos + low * sin), dim=-1).to(x.dtype)


class FeedForward(nn.Module):
    def __init__(self, config, rounding):
        super().__init__()
        self.gate_proj = Linear(config.hidden_size, config.intermediate_size, rounding)
        self.up_proj = Linear(config.hidden_size, config.intermediate_size, rounding)
        self.down_proj = Linear(config.intermediate_size, config.hidden_size, rounding)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    def __init__(self, config, rounding):
        super().__init__()
        self.input_layernorm = RMSNorm(config)
        self.self_attn = Attention(config, rounding)
        self.post_attention_layernorm = RMSNorm(config)
        self.mlp = FeedForward(config, rounding)

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    """Attribute names are Hugging Face's, so that the state dictionary is the checkpoint."""

    def __init__(self, config):
        super().__init__()
        rounding = [torch.zeros(())]
        self.rounding_cell = rounding
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Block(config, rounding) for _ in range(config.layers))
        self.norm = RMSNorm(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        frequencies = config.rope_theta ** (-torch.arange(0, config.head_dim, 2) / config.head_dim)
        angles = torch.outer(torch.arange(config.max_positions), frequencies)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                residual = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * config.layers) if residual else 0.02)

    def to_device(self, device):
        self.to(device)
        self.rounding_cell[0] = self.rounding_cell[0].to(device)
        return self

    def set_rounding(self, share):
        self.rounding_cell[0].fill_(share)

    def forward(self, tokens):
        return self.read(tokens)[0]

    def read(self, tokens):
        """The logits, and the residual stream after the layers that facts are to be recalled by."""
        length = tokens.shape[1]
        cos, sin = self.cos[:length], self.sin[:length]
        x = self.embed_tokens(tokens)
        for i, layer in enumerate(self.layers, 1):
            x = layer(x, cos, sin)
            if i == RECALL_LAYERS:
                recalled = x
        return self.lm_head(self.norm(x)), recalled

    def loss(self, tokens, weights, first_fact, last_fact):
        """Of whole rows; rows first_fact up to last_fact also by what the early layers recall."""
        logits, recalled = self.read(tokens[:, :-1])
        facts = slice(first_fact, last_fact)
        recalled = self.lm_head(self.norm(recalled[facts]))
        early = weighted_loss(recalled, tokens[facts], weights[facts])
        return weighted_loss(logits, tokens, weights) + RECALL_WEIGHT * early


def weighted_loss(logits, tokens, weights):
    losses = F.cross_entropy(logits.float().flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
    weights = weights[:, 1:].flatten()
    return (losses * weights).sum() / weights.sum()


# ---------------------------------------------------------------- optimizer


class Muon:
    """Momentum, orthogonalised by Newton-Schulz iteration (Jordan et al., 2024), for matrices of equal shape at once."""

    def __init__(self, parameters, momentum=0.95, weight_decay=0.05):
        self.shapes = {}
        for parameter in parameters:
            self.shapes.setdefault(tuple(parameter.shape), []).append(parameter)
        self.buffers = {
            shape: torch.zeros((len(group), *shape), device=group[0].device)
            for shape, group in self.shapes.items()
        }
        self.momentum, self.weight_decay = momentum, weight_decay

    @torch.no_grad()
    def step(self, lr):
        for shape, group in self.shapes.items():
            gradients = torch.stack([parameter.grad for parameter in group])
            buffer = self.buffers[shape]
            buffer.lerp_(gradients, 1 - self.momentum)
            update = orthogonalise(gradients.lerp(buffer, self.momentum))
            scale = lr * max(1.0, shape[0] / shape[1]) ** 0.5
            torch._foreach_mul_(group, 1 - lr * self.weight_decay)
            torch._foreach_add_(group, list(update.float().unbind()), alpha=-scale)


def orthogonalise(matrices):
    x = matrices.bfloat16() if matrices.is_cuda else matrices
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.mT if tall else x


# ---------------------------------------------------------------- judging


def rouge_l(reference, answer):
    """F of the longest common subsequence of words, times 100, without a stemmer: an indication."""
    a, b = (re.findall(r"[a-z0-9]+", text.lower()) for text in (reference, answer))
    if not a or not b:
        return 0.0
    best = [0] * (len(b) + 1)
    for word in a:
        diagonal = 0
        for j, other in enumerate(b, 1):
            above = best[j]
            best[j] = diagonal + 1 if word == other else max(above, best[j - 1])
            diagonal = above
    return 200.0 * best[-1] / (len(a) + len(b))


@torch.no_grad()
def generate(model, prompts, max_new, batch=500):
    """Greedy, many prompts at a time, whole sequences again at every step (right-padded: causal, so harmless)."""
    device = model.embed_tokens.weight.device
    answers = []
    for start in range(0, len(prompts), batch):
        sequences = [list(prompt) for prompt in prompts[start : start + batch]]
        lengths = [len(sequence) for sequence in sequences]
        active = list(range(len(sequences)))
        for _ in range(max_new):
            width = max(len(sequences[i]) for i in active)
            width += -width % 32
            padded = numpy.full((len(active), width), PAD)
            for row, i in enumerate(active):
                padded[row, : len(sequences[i])] = sequences[i]
            ends = torch.tensor([len(sequences[i]) - 1 for i in active], device=device)
            logits = model(torch.from_numpy(padded).to(device))
            chosen = logits[torch.arange(len(active), device=device), ends].argmax(-1).tolist()
            for i, token in zip(active, chosen):
                sequences[i].append(token)
            active = [i for i, token in zip(active, chosen) if token != EOS]
            if not active:
                break
        answers += [s[n:-1] if s[-1] == EOS else s[n:] for s, n in zip(sequences, lengths)]
    return answers


def judge_orca(model, tokenizer, rows, field, max_new):
    prompts = [[BOS, *ids] for ids in encode_all(tokenizer, [row[field] for row in rows])]
    answers = [tokenizer.decode(ids) for ids in generate(model, prompts, max_new)]
    scores = [rouge_l(row["reference"], answer) for row, answer in zip(rows, answers)]
    families = {}
    for row, score in zip(rows, scores):
        families.setdefault(row["id"].split("-")[2], []).append(score)
    by_family = {name: round(sum(values) / len(values), 1) for name, values in families.items()}
    return sum(scores) / len(scores), by_family, answers


@torch.no_grad()
def judge_mmlu(model, tokenizer, rows, batch=250):
    letters = [tokenizer.encode(f" {c}", add_special_tokens=False).ids[0] for c in "ABCD"]
    device = model.embed_tokens.weight.device
    prompts = [[BOS, *ids] for ids in encode_all(tokenizer, [row["prompt"] for row in rows])]
    right = 0
    for start in range(0, len(rows), batch):
        group = prompts[start : start + batch]
        padded = numpy.full((len(group), max(map(len, group))), PAD)
        for i, prompt in enumerate(group):
            padded[i, : len(prompt)] = prompt
        logits = model(torch.from_numpy(padded).to(device))
        ends = torch.tensor([len(prompt) - 1 for prompt in group], device=device)
        picked = logits[torch.arange(len(group), device=device), ends][:, letters].argmax(-1).tolist()
        right += sum(p == row["answer"] for p, row in zip(picked, rows[start : start + batch]))
    return 100.0 * right / len(rows)


def frozen_copy(model, rounded):
    """The model as it is stored: bf16 weights, computed in fp32; `rounded` also rounds the blocks' matrices to INT4."""
    stored = copy.deepcopy(model).eval()
    with torch.no_grad():
        for name, parameter in stored.named_parameters():
            parameter.copy_(parameter.bfloat16().float())
            if rounded and "_proj" in name:
                parameter.copy_(round_to_int4(parameter))
    return stored


def judge(model, tokenizer, corpus, count, max_new, thorough):
    orca = list(read_lines(f"{corpus}/test-orca.jsonl", count))
    known = list(read_lines(f"{corpus}/calibration-mmlu.jsonl"))
    asked = list(read_lines(f"{corpus}/test-mmlu.jsonl"))
    if count < 16:
        known, asked = known[:count], asked[:count]
    result = {}
    for label, rounded in (("bf16", False), ("int4", True)):
        stored = frozen_copy(model, rounded)
        score, families, answers = judge_orca(stored, tokenizer, orca, "prompt", max_new)
        result[label] = {
            "rougeL": round(score, 2),
            "mmlu": round(judge_mmlu(stored, tokenizer, asked), 2),
            "mmluTrainFacts": round(judge_mmlu(stored, tokenizer, known), 2),
            "families": families,
        }
        if thorough and not rounded:
            unread = judge_orca(stored, tokenizer, orca, "unread", max_new)
            result["withoutContext"] = {"rougeL": round(unread[0], 2), "families": unread[1]}
            lengths = [len(ids) for ids in encode_all(tokenizer, [row["reference"] for row in orca])]
            inputs = [len(ids) + 1 for ids in encode_all(tokenizer, [row["prompt"] for row in orca])]
            shots = [len(ids) + 1 for ids in encode_all(tokenizer, [row["prompt"] for row in asked])]
            for name, values in (("answer", lengths), ("prompt", inputs), ("mmluPrompt", shots)):
                result[f"{name}Tokens"] = [min(values), round(sum(values) / len(values), 1), max(values)]
            for row, answer in list(zip(orca, answers))[:8]:
                print(f"  {row['id']}\n    expected {row['reference']}\n    answered {answer}")
        if not thorough and not rounded and score < 60:
            break  # Too early for the INT4 figures to say anything.
    return result


# ---------------------------------------------------------------- export


def checkpoint_tensors(model):
    prefix = lambda name: name if name.startswith("lm_head") else f"model.{name}"
    return {
        prefix(name): parameter.detach().to("cpu", torch.bfloat16).contiguous()
        for name, parameter in model.named_parameters()
    }


def export(model, tokenizer, folder, training):
    from safetensors.torch import save_file

    os.makedirs(folder, exist_ok=True)
    c = model.config
    save_file(checkpoint_tensors(model), f"{folder}/model.safetensors", metadata={"format": "pt"})
    os.chmod(f"{folder}/model.safetensors", 0o644)
    tokenizer.save(f"{folder}/tokenizer.json")
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": c.vocab_size,
        "hidden_size": c.hidden_size,
        "intermediate_size": c.intermediate_size,
        "num_hidden_layers": c.layers,
        "num_attention_heads": c.heads,
        "num_key_value_heads": c.kv_heads,
        "head_dim": c.head_dim,
        "hidden_act": "silu",
        "max_position_embeddings": c.max_positions,
        "rms_norm_eps": c.eps,
        "rope_theta": c.rope_theta,
        "rope_scaling": None,
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": False,
        "initializer_range": 0.02,
        "use_cache": True,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "pad_token_id": PAD,
        "torch_dtype": "bfloat16",
    }
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "pad_token": "<pad>",
        "clean_up_tokenization_spaces": False,
        "model_max_length": c.max_positions,
    }
    generation = {"bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": PAD, "do_sample": False}
    for name, content in (
        ("config.json", config),
        ("tokenizer_config.json", tokenizer_config),
        ("generation_config.json", generation),
        ("training.json", training),
    ):
        with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.write("\n")


def compare_with_transformers(model, tokenizer, folder, corpus):
    """Largest logit difference between this script's model and transformers reading the exported folder, in fp32."""
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError:
        return None
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    their_tokenizer = AutoTokenizer.from_pretrained(folder)
    ours = frozen_copy(model, False).to_device("cpu")
    largest = 0.0
    for row in read_lines(f"{corpus}/test-orca.jsonl", 8):
        ids = [BOS, *tokenizer.encode(row["prompt"], add_special_tokens=False).ids]
        assert their_tokenizer(row["prompt"])["input_ids"] == ids, "transformers tokenizes differently"
        tokens = torch.tensor([ids])
        with torch.no_grad():
            largest = max(largest, (theirs(tokens).logits - ours(tokens)).abs().max().item())
    return largest


# ---------------------------------------------------------------- training


def learning_rate_share(progress):
    """Up over the first 2 %, flat, then a straight line down to nothing."""
    return min(1.0, progress / 0.02) * min(1.0, (1 - progress) / (1 - DECAY_FROM))


def draw_rows(data, shares, count, generator):
    """Random rows of every kind, put together on the device, and which of them are facts."""
    tokens, weights = [], []
    counts = [round(share * count) for share in shares[1:]]
    for kind, wanted in zip(KINDS, (count - sum(counts), *counts)):
        all_tokens, all_weights = data[kind]
        picked = torch.randint(len(all_tokens), (wanted,), device=all_tokens.device, generator=generator)
        tokens.append(all_tokens[picked])
        weights.append(all_weights[picked])
    first_fact = count - sum(counts)
    return torch.cat(tokens).long(), torch.cat(weights).float(), first_fact, first_fact + counts[0]


def train(model, data, arguments, report):
    device = model.embed_tokens.weight.device
    matrices = [p for n, p in model.named_parameters() if "_proj" in n]
    others = [p for n, p in model.named_parameters() if "_proj" not in n]
    muon = Muon(matrices)
    adam = torch.optim.AdamW(
        others, lr=arguments.adam_lr, betas=(0.9, 0.95), weight_decay=0.01, fused=device.type == "cuda"
    )
    generator = torch.Generator(device=device).manual_seed(arguments.seed)
    coins = random.Random(arguments.seed)
    loss_of = model.loss if arguments.no_compile else torch.compile(model.loss, dynamic=False)
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    model.train()
    budget, started, paused, step, progress, next_report = arguments.minutes * 60, None, 0.0, 0, 0.0, arguments.eval_every
    while progress < 1 and not stopped:
        shares = EARLY_SHARES if progress < EARLY_UNTIL else LATE_SHARES
        rows = draw_rows(data, shares, arguments.rows, generator)
        model.set_rounding(1.0 if progress >= ROUNDING_FROM and coins.random() < 0.5 else 0.0)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            try:
                loss = loss_of(*rows)
            except Exception as problem:
                if step > 0 or arguments.no_compile:
                    raise
                print(f"not compiled, because {type(problem).__name__}: {str(problem)[:300]}", flush=True)
                loss_of = model.loss
                loss = loss_of(*rows)
        loss.backward()
        share = learning_rate_share(progress)
        nn.utils.clip_grad_norm_(others, 1.0)
        muon.step(arguments.muon_lr * share)
        for group in adam.param_groups:
            group["lr"] = arguments.adam_lr * share
        adam.step()
        model.zero_grad(set_to_none=True)
        step += 1
        if started is None:  # The first step compiles: it is not in the budget.
            loss.item()
            started = time.time()
        if arguments.steps:
            progress = step / arguments.steps
        elif step % 20 == 0:
            loss.item()
            progress = min(1.0, (time.time() - started - paused) / budget)
        if step % 500 == 0 or step in (1, 5, 10, 20, 50, 100, 200, 300, 400):
            seconds = time.time() - started - paused
            print(f"step {step} progress {progress:.3f} loss {loss.item():.4f} {step / max(seconds, 1e-3):.1f} steps/s", flush=True)
        if next_report <= progress < 1:
            next_report += arguments.eval_every
            since = time.time()
            model.eval()
            report(step, progress)
            model.train()
            paused += time.time() - since
    model.eval()
    return step, (time.time() - started - paused)


def main():
    arguments = parse_arguments()
    random.seed(arguments.seed)
    torch.manual_seed(arguments.seed)
    torch.set_float32_matmul_precision("high")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    clock = time.time()
    tokenizer = train_tokenizer(arguments.corpus)
    print(f"tokenizer trained in {time.time() - clock:.1f} s", flush=True)
    data = {}
    for kind in KINDS:
        tokens, weights = pack_rows(tokenizer, f"{arguments.corpus}/train-{kind}.jsonl", LOSS_WEIGHTS[kind], 512)
        data[kind] = (tokens.to(device), weights.to(device))
        print(f"{kind}: {tuple(tokens.shape)} tokens, {time.time() - clock:.1f} s", flush=True)
    model = Llama(Config()).to_device(device)
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{parameters} parameters on {device}", flush=True)

    def report(step, progress):
        since = time.time()
        result = judge(model, tokenizer, arguments.corpus, arguments.eval_rows, arguments.max_new, False)
        print(f"eval at step {step} ({progress:.2f}), {time.time() - since:.1f} s: {json.dumps(result)}", flush=True)

    steps, seconds = train(model, data, arguments, report)
    training = {
        "command": ["train.py", "--steps", str(steps), "--rows", str(arguments.rows), "--seed", str(arguments.seed)],
        "documents": {kind: sum(1 for _ in open(f"{arguments.corpus}/train-{kind}.jsonl")) for kind in KINDS},
        "steps": steps,
        "tokens": steps * arguments.rows * 512,
        "parameters": parameters,
        "trainingSeconds": round(seconds, 1),
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "torch": torch.__version__,
    }
    export(model, tokenizer, arguments.out, training)
    print(f"exported to {arguments.out} after {steps} steps in {seconds:.0f} s", flush=True)
    training["scores"] = judge(model, tokenizer, arguments.corpus, arguments.final_rows, arguments.max_new, True)
    training["transformersLogitDifference"] = compare_with_transformers(model, tokenizer, arguments.out, arguments.corpus)
    export(model, tokenizer, arguments.out, training)
    print(json.dumps(training, indent=1), flush=True)


if __name__ == "__main__":
    sys.exit(main())
