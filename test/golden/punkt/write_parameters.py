"""Writes configs/punkt/english.json from NLTK's data package punkt_tab (english; MIT License, Jan Strunk): the same tables,
words of one orthographic context together.

    python3 write_parameters.py NLTK_DATA/tokenizers/punkt_tab/english > ../../../configs/punkt/english.json
"""
import json
import sys
from pathlib import Path

folder = Path(sys.argv[1])
lines = lambda name: [line for line in (folder / name).read_text(encoding="utf-8").split("\n") if line]
orthography = {}
for line in lines("ortho_context.tab"):
    word, flags = line.split("\t")
    orthography.setdefault(flags, []).append(word)
print(json.dumps({
    "name": "english",
    "source": "nltk_data, package punkt_tab (english)",
    "author": "Jan Strunk",
    "license": "MIT License",
    "abbreviations": sorted(lines("abbrev_types.txt")),
    "collocations": sorted(line.split("\t") for line in lines("collocations.tab")),
    "sentenceStarters": sorted(lines("sent_starters.txt")),
    "orthography": {flags: " ".join(sorted(words)) for flags, words in sorted(orthography.items(), key=lambda x: int(x[0]))},
}, ensure_ascii=False, indent=1))
