"""Pickles texts of which some are missing, in every way a pandas without pyarrow holds them, and writes what pandas itself
reads back. make.sh runs it.

    python3 make_missing.py <name> <protocol>
"""
import json
import pathlib
import sys

import pandas as pd

here = pathlib.Path(__file__).parent
texts = ["a", None, "Zürich 😀", ""]
frame = pd.DataFrame({
    "question": ["one?", "two?", "three?", "four?"],
    "str": pd.Series(texts),
    "string": pd.Series(texts, dtype="string"),
    "object": pd.Series(texts, dtype=object),
}).iloc[[2, 0, 1, 3]]
path = here / f"{sys.argv[1]}.pkl"
frame.to_pickle(path, protocol=int(sys.argv[2]))
back = pd.read_pickle(path)
print([str(t) for t in back.dtypes], [getattr(t, "storage", None) for t in back.dtypes])
expected = {c: [None if pd.isna(v) else v for v in back[c]] for c in back.columns}
(here / "expected-missing.json").write_text(json.dumps(expected, ensure_ascii=False) + "\n")
