#!/usr/bin/env python3
"""What weights does a folder in GPTQ checkpoint format hold? An independent reading, from the format's definition alone:

    W[n][k] = scales[g][n] * (q[n][k] - zero[g][n]),  g = g_idx[k]
    qweight (K/8, N) int32: eight consecutive k of one n in a word, the lowest nibble first
    qzeros  (G, N/8) int32: eight consecutive n in a word; checkpoint_format "gptq" holds zero - 1, "gptq_v2" zero
    scales  (G, N)   float16

Prints one JSON object a folder: the sha256 of each linear as float32 (N, K), row by row, little-endian, some of its
values, and the sha256 of every other tensor's bytes and of the file. With --against SOURCE it also prints how far the
weights are from the float checkpoint they were made of, in units of the level distance.

    python3 read_gptq.py [--against SOURCE] FOLDER...
"""

import argparse
import hashlib
import json
import os

import numpy as np
import torch
from safetensors import safe_open


def digest(data):
    return hashlib.sha256(data).hexdigest()


def load(folder):
    tensors = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".safetensors"):
            with safe_open(os.path.join(folder, name), framework="pt") as file:
                for key in file.keys():
                    tensors[key] = file.get_tensor(key)
    return tensors


def unpack(words, axis):
    """Eight nibbles of each int32 laid out along `axis`, the lowest first."""
    words = words.astype(np.uint32)
    nibbles = [(words >> np.uint32(4 * i)) & np.uint32(15) for i in range(8)]
    stacked = np.stack(nibbles, axis=axis + 1)
    shape = list(words.shape)
    shape[axis] *= 8
    return stacked.reshape(shape).astype(np.int32)


def dequantize(tensors, path, config):
    qweight = tensors[path + ".qweight"].numpy()
    qzeros = tensors[path + ".qzeros"].numpy()
    scales = tensors[path + ".scales"].numpy().astype(np.float32)
    k = qweight.shape[0] * 8
    group = k if config["group_size"] == -1 else config["group_size"]
    key = path + ".g_idx"
    g_idx = tensors[key].numpy() if key in tensors else np.arange(k) // group
    q = unpack(qweight, 0)  # (K, N)
    zero = unpack(qzeros, 1)  # (G, N)
    if config.get("checkpoint_format", "gptq") == "gptq":
        zero = zero + 1
    assert q.shape[1] == scales.shape[1] == zero.shape[1] and zero.shape[0] == scales.shape[0]
    weight = scales[g_idx] * (q - zero[g_idx]).astype(np.float32)
    return np.ascontiguousarray(weight.T), np.ascontiguousarray(scales[g_idx].T)


def read(folder, against=None):
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        config = json.load(file)["quantization_config"]
    assert config["quant_method"] == "gptq" and config["bits"] == 4
    tensors = load(folder)
    source = load(against) if against else None
    linears, others, distance = {}, {}, 0.0
    for name in sorted(tensors):
        if name.endswith(".qweight"):
            path = name[: -len(".qweight")]
            weight, step = dequantize(tensors, path, config)
            flat = weight.reshape(-1)
            linears[path] = {
                "shape": list(weight.shape),
                "sha256": digest(weight.astype("<f4").tobytes()),
                "first": [float(value) for value in flat[:4]],
                "last": [float(value) for value in flat[-4:]],
            }
            if source:
                original = source[path + ".weight"].to(torch.float32).numpy()
                distance = max(distance, float(np.max(np.abs(original - weight) / step)))
        elif not name.endswith((".qzeros", ".scales", ".g_idx")):
            data = tensors[name].contiguous().view(torch.uint8).numpy().tobytes()
            others[name] = digest(data)
            if source:
                assert data == source[name].contiguous().view(torch.uint8).numpy().tobytes(), name
    files = {
        name: digest(open(os.path.join(folder, name), "rb").read())
        for name in sorted(os.listdir(folder))
        if name.endswith(".safetensors")
    }
    result = {"files": files, "linears": linears, "others": others}
    if source:
        assert {path + ".weight" for path in linears} | set(others) == set(source)
        result["largestDistanceInSteps"] = distance
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--against")
    parser.add_argument("folders", nargs="+")
    arguments = parser.parse_args()
    readings = {os.path.basename(os.path.normpath(f)): read(f, arguments.against) for f in arguments.folders}
    print(json.dumps(readings, indent=1))


if __name__ == "__main__":
    main()
