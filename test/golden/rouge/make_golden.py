"""Makes pairs-random.json, porter-random.tsv and recipe.json with rouge_score 0.1.2, nltk and numpy.

  pip install rouge_score==0.1.2 nltk numpy && python3 test/golden/rouge/make_golden.py

Seeded: the same package versions write the same bytes. Tests only read the files.
"""

import json
import random
from importlib.metadata import version
from pathlib import Path

import numpy as np
from nltk.stem.porter import PorterStemmer
from rouge_score import rouge_scorer

HERE = Path(__file__).resolve().parent
TYPES = ["rouge1", "rouge2", "rougeL", "rougeLsum"]

WORDS = """the a of to in and is it was for on with as by at be this that from or not but they're it's
troubled troubles troubling agreed agreement agreeing hopping hoped hoping falling filling skies sky dying
lying tying news inning innings outing cannings howe proceed exceeding succeed flies dies ties tied died spied
happy happily enjoy by say cry relational conditional rationally radically digitizer geology analogously
hopefully formalize electricity triplicate adjustment adoption controlling rolling rate cease probate effective
bowdlerize university universe operate operators 2026 3.14 100% $5 B2B U.S. U.N. e-mail co-op 1st x86 Ph.D. AT&T
running runs ran easily fairly sensibilities ability absolutely yes yyy eying oo oed ied eed ing sing king""".split()
FOREIGN = """straße naïve façade Ünïcode ÉCOLE İstanbul Kelvin Ångström ﬁne Σίσυφος ΑΣ русский 日本語 你好世界
한국어 עברית العربية 🙂 👩‍👩‍👧 e\u0301tude zero\u200bwidth no\u00a0break soft\u00adhyphen ١٢٣ ½ x² ſtraight""".split(" ")
FOREIGN = [word.strip() for chunk in FOREIGN for word in chunk.split("\n")]
MARKS = [" ", " ", " ", " ", " ", "  ", ", ", ". ", "! ", " - ", "\t", ";", "/", "...", " \u2014 ", "\u3000"]
LINE_ENDS = ["\n", "\n", "\n\n", ".\n", " \n ", "\r\n", "\u2028", "\x0b", "\x85"]
SUFFIXES = """s es ies ied ed eed ing ings y ly ally alli ational tional enci anci izer bli abli entli eli ousli
ization ation ator alism iveness fulness ousness aliti iviti biliti fulli logi icate ative alize iciti ical ful
ness al ance ence er ic able ible ant ement ment ent sion tion ion ou ism ate iti ous ive ize e ll lle""".split()


def make_word(rng):
    kind = rng.random()
    if kind < 0.75:
        word = rng.choice(WORDS)
    elif kind < 0.85:
        word = rng.choice(FOREIGN)
    else:
        word = make_stemmable(rng)
    case = rng.random()
    return word.upper() if case < 0.05 else word.capitalize() if case < 0.15 else word


def make_stemmable(rng):
    letters = "aeiouy" * 3 + "bcdfghjklmnpqrstvwxz" + "lsztw" + "12"
    root = "".join(rng.choice(letters) for _ in range(rng.randint(0, 6)))
    return root + "".join(rng.choice(SUFFIXES) for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 3])))


def make_text(rng, count, vocabulary=None, newline_rate=0.08):
    parts = []
    for _ in range(count):
        parts.append(rng.choice(vocabulary) if vocabulary else make_word(rng))
        parts.append(rng.choice(LINE_ENDS if rng.random() < newline_rate else MARKS))
    return "".join(parts)


def disturb(rng, text):
    """A prediction near its reference: lines and words dropped, doubled, swapped or new."""
    lines = text.split("\n")
    if rng.random() < 0.3:
        rng.shuffle(lines)
    out = []
    for line in lines:
        words = line.split(" ")
        for _ in range(max(1, len(words) // 4)):
            at = rng.randrange(len(words))
            act = rng.random()
            if act < 0.3:
                words[at] = make_word(rng)
            elif act < 0.5:
                words.insert(at, words[rng.randrange(len(words))])
            elif act < 0.75 and len(words) > 1:
                del words[at]
            else:
                other = rng.randrange(len(words))
                words[at], words[other] = words[other], words[at]
        out.append(" ".join(words))
        if rng.random() < 0.2:
            out.append(rng.choice(lines))
    return "\n".join(out)


def make_pairs(rng):
    blanks = ["", " ", "\n", "\n \n", "...", "!?", "日本語", "a", "a\n", "\na b", "the the the", "Ａ", "é", "\ufeffyes\ufeff"]
    for _ in range(40):
        yield rng.choice(blanks), rng.choice(blanks + [make_text(rng, 4)])
    for _ in range(60):  # few words, much repetition: ties everywhere in the common subsequence
        few = [rng.choice(WORDS) for _ in range(rng.randint(1, 4))]
        rate = rng.choice([0.0, 0.1, 0.3])
        yield make_text(rng, rng.randint(1, 40), few, rate), make_text(rng, rng.randint(1, 40), few, rate)
    for _ in range(100):
        yield make_text(rng, rng.randint(1, 30)), make_text(rng, rng.randint(1, 30))
    for _ in range(110):
        ref = make_text(rng, rng.randint(5, 60), newline_rate=rng.choice([0.0, 0.08, 0.2]))
        yield ref, disturb(rng, ref)
    for bits in (28, 29, 30, 31, 32, 33, 59, 60, 61, 63, 64, 65, 90, 120):  # around machine words
        words = [f"w{rng.randrange(bits)}" for _ in range(bits)]
        yield " ".join(words), " ".join(rng.sample(words, bits) + words[: bits // 2])
    for count in (250, 400, 1000):
        ref = make_text(rng, count, newline_rate=0.05)
        yield ref, disturb(rng, ref)
    yield make_text(rng, 700, newline_rate=0), make_text(rng, 650, newline_rate=0)


def main():
    rng = random.Random(20260101)
    scorer = rouge_scorer.RougeScorer(TYPES, use_stemmer=True)
    tools = f"rouge_score {version('rouge_score')}, nltk {version('nltk')}, numpy {version('numpy')}"

    cases = []
    for ref, pred in make_pairs(rng):
        scores = scorer.score(ref, pred)
        case = {"ref": ref, "pred": pred}
        case.update({name: scores[name].fmeasure for name in TYPES})
        case["precision"] = {name: scores[name].precision for name in TYPES}
        case["recall"] = {name: scores[name].recall for name in TYPES}
        cases.append(case)
    write("pairs-random.json", {"made_by": f"{tools}; use_stemmer=True, seeded random pairs", "cases": cases})

    stemmer = PorterStemmer()
    words = sorted({make_stemmable(rng) for _ in range(3500)} - {""})
    (HERE / "porter-random.tsv").write_text("".join(f"{w}\t{stemmer.stem(w)}\n" for w in words))

    write("recipe.json", {"made_by": f"{tools}; the accuracy script's recipe without sentence splitting",
                          "cases": [make_recipe(rng, scorer, cases, n) for n in (1, 7, 8, 100, 129, 257, 287)]})


def make_recipe(rng, scorer, cases, count):
    """What MLPerf's llama2-70b script would print for the last `count` pairs of pairs-random.json."""
    refs = [case["ref"].strip() for case in cases[-count:]]
    preds = [case["pred"].strip() for case in cases[-count:]]
    tokens = [rng.randint(0, 120) for _ in range(count)]
    scores = [scorer.score(ref, pred) for ref, pred in zip(refs, preds)]
    result = {name: float(round(np.mean([s[name].fmeasure for s in scores]) * 100, 4)) for name in TYPES}
    result["gen_len"] = int(np.sum([len(pred) for pred in preds]))
    result["gen_num"] = len(preds)
    result["gen_tok_len"] = sum(tokens)
    result["tokens_per_sample"] = round(sum(tokens) / len(preds), 1)
    return {"last_pairs": count, "token_counts": tokens, "printed": f"\nResults\n\n{result}\n"}


def write(name, value):
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    (HERE / name).write_text(text.replace('{"ref"', '\n{"ref"').replace('{"last_pairs"', '\n{"last_pairs"') + "\n")


if __name__ == "__main__":
    main()
