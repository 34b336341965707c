"""Writes parts of data/ again as Parquet in the layouts of the hub (cais/mmlu, Rowan/hellaswag, allenai/winogrande,
openai/gsm8k, Salesforce/wikitext), with pyarrow.

    python3 make_parquet.py data data-parquet
"""
import csv
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

source, target = Path(sys.argv[1]), Path(sys.argv[2])


def write(path, rows, schema=None):
    (target / path).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), target / path, compression="snappy")


def lines(path):
    return [json.loads(line) for line in (source / path).read_text(encoding="utf-8").split("\n") if line]


mmlu = pa.schema([("question", pa.string()), ("subject", pa.string()), ("choices", pa.list_(pa.string())), ("answer", pa.int64())])
for split in ("dev", "test"):
    rows = []
    for subject in ("anatomy", "management"):
        with (source / f"mmlu/{split}/{subject}_{split}.csv").open(encoding="utf-8", newline="") as f:
            rows += [{"question": r[0], "subject": subject, "choices": r[1:5], "answer": "ABCD".index(r[5])} for r in csv.reader(f)]
    write(f"mmlu/all/{split}-00000-of-00001.parquet", rows, mmlu)
write("hellaswag/data/validation-00000-of-00001.parquet",
      [{**row, "label": str(row["label"])} for row in lines("hellaswag/hellaswag_val.jsonl")[:20]])
write("winogrande/winogrande_xl/validation-00000-of-00001.parquet", lines("winogrande/dev.jsonl")[:20])
write("gsm8k/main/test-00000-of-00001.parquet", lines("gsm8k/test.jsonl")[:20])
text = (source / "wikitext/test.txt").read_text(encoding="utf-8")
rows = text.split("\n")
write("wikitext/wikitext-2-raw-v1/test-00000-of-00001.parquet",
      [{"text": f"{row}\n" if row.strip() else ""} for row in rows[:-1]])
