"""Writes Parquet files with pyarrow, and what pyarrow itself reads back from them as JSON (expected.json).

    pip install pyarrow==26.0.1 && python3 make.py
"""
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

here = pathlib.Path(__file__).parent
rows = 40
texts = [["", "plain", "two\nlines", "Zürich – “quoted”", "😀 " * 3][i % 5] + str(i // 7) for i in range(rows)]
table = pa.table({
    "text": pa.array(texts, pa.string()),
    "maybe": pa.array([None if i % 3 == 0 else f"m{i}" for i in range(rows)], pa.large_string()),
    "label": pa.array([(i * 7) % 4 for i in range(rows)], pa.int64()),
    "small": pa.array([i - 20 for i in range(rows)], pa.int8()),
    "wide": pa.array([2**53 + i if i == 9 else i * 10**9 for i in range(rows)], pa.int64()),
    "score": pa.array([i / 7 for i in range(rows)], pa.float64()),
    "flag": pa.array([i % 2 == 0 for i in range(rows)], pa.bool_()),
    "tokens": pa.array([[(i * 31 + k) % 32000 for k in range(i % 6 + 1)] for i in range(rows)], pa.list_(pa.int32())),
    "tokens64": pa.array([[i, 2**31 - 1, 0] for i in range(rows)], pa.list_(pa.int64())),
    "choices": pa.array([[f"a{i}", "", f"c “{i}”", "d"] for i in range(rows)], pa.list_(pa.string())),
    "holes": pa.array([None if i == 4 else [1, None] if i == 5 else [i] for i in range(rows)], pa.list_(pa.int32())),
    "nested": pa.array([[[i], [], [i, i + 1]] for i in range(rows)], pa.list_(pa.list_(pa.int16()))),
    "place": pa.array([{"city": f"c{i}", "zip": i} for i in range(rows)],
                      pa.struct([("city", pa.string()), ("zip", pa.int32())])),
    "category": pa.array([f"group-{i % 3}" for i in range(rows)]).dictionary_encode(),
})
forms = {
    "none": dict(compression="none", use_dictionary=False),
    "snappy": dict(compression="snappy", row_group_size=16),
    "gzip": dict(compression="gzip", data_page_version="2.0"),
    "brotli": dict(compression="brotli"),
    "zstd": dict(compression="zstd", row_group_size=7, data_page_size=128),
    "lz4": dict(compression="lz4"),
}
for name, options in forms.items():
    pq.write_table(table, here / f"{name}.parquet", **options)
pq.write_table(table.slice(0, 0), here / "empty.parquet")
expected = {name: pq.read_table(here / f"{name}.parquet").to_pylist() for name in forms}
assert all(part == expected["none"] for part in expected.values())
(here / "expected.json").write_text(json.dumps(expected["none"], ensure_ascii=False) + "\n")
frame = json.loads((here.parent / "pandas" / "expected.json").read_text())
names = ["id", "system_prompt", "question", "output", "input", "tok_input", "tok_output", "origin", "tok_input_length"]
pq.write_table(pa.table({name: frame[name] for name in names}), here / "open-orca.parquet", compression="zstd")
