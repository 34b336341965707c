"""Pickles one data frame, in the columns of MLCommons' OpenOrca and some awkward ones, with the pandas at hand, and
writes what pandas itself reads back from the pickle as JSON. make.sh runs it with several versions.

    python3 make.py <name> <protocol> [gz] [sampled]
"""
import json
import pathlib
import sys

import numpy as np
import pandas as pd

name, protocol, options = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
here = pathlib.Path(__file__).parent
rows = 12
draw = np.random.RandomState(7)
ids = [[int(t) for t in draw.randint(0, 32000, 3 + 40 * (i == 5) + i % 4)] for i in range(rows)]
frame = pd.DataFrame({
    "id": [f"{['cot', 'niv', 'flan', 't0'][i % 4]}.{1000 + i}" for i in range(rows)],
    "system_prompt": ["" if i % 3 == 0 else "You are an AI assistant – “think”." for i in range(rows)],
    "question": [f"Q{i}: Zürich?\n\t😀 \\ \"quoted\"" for i in range(rows)],
    "output": [f"Answer {i}." * (1 + i) for i in range(rows)],
    "input": [f"<s>[INST] Q{i} [/INST]" for i in range(rows)],
    "tok_input": ids,
    "tok_output": [np.array(t[::-1], dtype=[np.int32, np.int64, np.uint16][i % 3]) for i, t in enumerate(ids)],
    "origin": [["cot", "niv", "flan", "t0"][i % 4] for i in range(rows)],
    "tok_input_length": [len(t) for t in ids],
    "tok_output_length": np.array([len(t) for t in ids], dtype=np.int32),
    "score": [i / 7 for i in range(rows)],
    "share": np.array([i / 8 for i in range(rows)], dtype=np.float32),
    "flag": [i % 2 == 0 for i in range(rows)],
    "twice": [i * 2 for i in range(rows)],
    "mixed": [None, True, -1, -(2**31), 2**31, -(2**40), 2**53 - 1, 255, 256, 65536, "text", 0.5],
    "scalar": [np.int64(i) if i % 2 else np.float64(i / 4) for i in range(rows)],
}, columns=None)
frame["scalar"] = frame["scalar"].astype(object)
if "sampled" in options:
    frame = frame.sample(frac=1, random_state=1).sort_index(ascending=False).iloc[::-1]
path = here / f"{name}.pkl{'.gz' if 'gz' in options else ''}"
frame.to_pickle(path, protocol=protocol, compression={"method": "gzip", "mtime": 1} if "gz" in options else None)


def plain(value):
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value


back = pd.read_pickle(path)
text = json.dumps({c: [plain(v) for v in back[c].tolist()] for c in back.columns}, ensure_ascii=False)
expected = here / "expected.json"
if expected.exists():
    assert expected.read_text() == text + "\n", f"{name} differs from {expected}"
else:
    expected.write_text(text + "\n")
print(name, "pandas", pd.__version__, "numpy", np.__version__, path.stat().st_size, "bytes")
