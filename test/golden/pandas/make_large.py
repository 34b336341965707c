"""Writes a file of the size and shape of MLCommons' OpenOrca: 24,576 rows, prompts of 222 tokens and answers of 219 on
average, texts of four letters a token. Made-up words; for
`npm run bench:datasets -- --file out.pkl`.

    python3 make_large.py out.pkl[.gz]|out.parquet|out.jsonl [lists|arrays]
"""
import sys

import numpy as np
import pandas as pd

rows = 24_576
draw = np.random.RandomState(1)
words = ["".join(chr(97 + c) for c in draw.randint(0, 26, n)) for n in draw.randint(1, 9, 4000)]


def lengths(mean, most):
    drawn = np.exp(draw.normal(np.log(mean) - 0.29, 0.76, rows)).astype(int)
    return np.clip(drawn, 3, most)


def text(tokens):
    return " ".join(words[i] for i in draw.randint(0, len(words), max(1, int(tokens * 0.75))))


inputs, outputs = lengths(222, 1021), lengths(219, 1016)
ids = [draw.randint(3, 32000, n) for n in inputs]
outs = [draw.randint(3, 32000, n) for n in outputs]
if "arrays" not in sys.argv:
    ids, outs = [t.tolist() for t in ids], [t.tolist() for t in outs]
question = [text(n) for n in inputs]
frame = pd.DataFrame({
    "id": [f"{['cot', 'niv', 'flan', 't0'][i % 4]}.{i}" for i in range(rows)],
    "system_prompt": [text(30) for _ in range(rows)],
    "question": question,
    "output": [text(n) for n in outputs],
    "input": [f"<s>[INST] <<SYS>>\n{q}\n<</SYS>>\n\n [/INST]" for q in question],
    "tok_input": ids,
    "tok_output": outs,
    "origin": [["cot", "niv", "flan", "t0"][i % 4] for i in range(rows)],
    "tok_input_length": inputs,
    "tok_output_length": outputs,
})
if sys.argv[1].endswith(".parquet"):
    frame.to_parquet(sys.argv[1], compression="zstd")
elif sys.argv[1].endswith(".jsonl"):
    frame.to_json(sys.argv[1], orient="records", lines=True)
else:
    frame.to_pickle(sys.argv[1], protocol=4)
print(sys.argv[1], "mean tokens", inputs.mean(), outputs.mean())
