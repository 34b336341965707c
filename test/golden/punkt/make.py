"""What NLTK's own Punkt makes of texts: run once with NLTK 3.8.1 (which MLPerf's scripts name) and once with a later one.

    PYTHONPATH=NLTK_3_8_1 python3 make.py PUNKT_TAB_ENGLISH > nltk-3.8.1.json
    python3 make.py --all PUNKT_TAB_ENGLISH FILES... > FILE      # of every text of the files, a digest of its sentences

The first makes texts by a seed from words that Punkt finds hard. The second reads MLPerf's JSON (input and output) and plain
texts (their lines); PUNKT_TEXTS=FILES PUNKT_GOLDEN=FILE holds the test to it.
"""
import hashlib
import json
import random
import sys
from pathlib import Path

import nltk
from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

WORDS = ["Mr.", "Dr.", "U.S.", "e.g.", "Inc.", "p.m.", "a.m.", "No.", "St.", "Jan.", "J.", "K.", "B.", "3.", "4.5", "1,000.", "$5.",
         "-3.", ".5.", "the", "The", "he", "However,", "But", "in", "In", "Smith", "stewart", "said.", "so!", "why?", "really?!",
         "wait...", "..", "...", ". . .", "--", "end.--", "(yes.)", "[no.]", '"Go."', "'Stop.'", "“Go.”", "‘so.’", "«Oui.»", "x.)", "etc.",
         "vs.", "Ph.D.", "café.", "Élan", "ÉTÉ.", "中文。", "ﬁn.", "½.", "Ⅳ.", "٣.", "_.", "a-b.", "co-op.", "non-U.S.", "i.e.,", "Q.", "A.",
         "y.", "\u00a0", "\x85", "\u2028", "well\x1c", "I", "I.", "me.He", "x.y.z", "http://a.b.", "!", "?", ".", ";", ":", ",", "'", '"', "USA.", "iPhone."]


def made(count):
    rng = random.Random(20260823)
    for _ in range(count):
        yield "".join(rng.choice(WORDS) + rng.choice([" ", " ", " ", "  ", "\n", "\n\n", "", "\t"])
                      for _ in range(rng.randrange(0, 25)))


def taken(paths):
    for path in paths:
        text = Path(path).read_text(encoding="utf-8")
        if path.endswith(".json"):
            for row in json.loads(text):
                yield row["input"]
                yield row["output"]
        else:
            yield from (line for line in text.split("\n") if line.strip())


def load(folder):
    parameters = PunktParameters()
    lines = lambda name: [x for x in Path(folder, name).read_text(encoding="utf-8").split("\n") if x]
    parameters.abbrev_types = set(lines("abbrev_types.txt"))
    parameters.sent_starters = set(lines("sent_starters.txt"))
    parameters.collocations = {tuple(x.split("\t")) for x in lines("collocations.tab")}
    for line in lines("ortho_context.tab"):
        word, bits = line.split("\t")
        parameters.ortho_context[word] = int(bits)
    return PunktSentenceTokenizer(parameters)


def digest(sentences):
    return hashlib.sha256("\x00".join(sentences).encode()).hexdigest()[:12]


arguments = sys.argv[1:]
every = "--all" in arguments
folder, *paths = [a for a in arguments if a != "--all"]
punkt = load(folder)
out = {"nltk": nltk.__version__}
if not every:
    out["made"] = [[text, punkt.tokenize(text)] for text in made(700)]
else:
    out["taken"] = [[hashlib.sha256(text.encode()).hexdigest()[:12], digest(punkt.tokenize(text))] for text in taken(paths)]
json.dump(out, sys.stdout, ensure_ascii=False, indent=0)
print()
