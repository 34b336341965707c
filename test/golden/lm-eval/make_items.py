"""Writes made-up HellaSwag, WinoGrande, C-Eval, GSM8K and wikitext files in the formats those datasets have on disk, with
the traps their protocols meet (brackets, double blanks, Chinese, commas in numbers). A seed decides everything.

    python3 make_items.py data
"""
import csv
import json
import random
import sys
from pathlib import Path

NAMES = ["Mara", "Tobin", "Élise", "Jonas", "Priya", "Wen", "Otto", "Zoë"]
PLACES = ["the harbor", "a kitchen", "the old mill", "a gym", "the library", "a workshop"]
THINGS = ["rope", "kettle", "ladder", "brush", "violin", "lamp", "bucket", "map"]
ACTS = ["lifts", "cleans", "repairs", "paints", "measures", "carries", "hides", "polishes"]


def hellaswag(rng, count):
    rows = []
    for i in range(count):
        name, place, thing, act = (rng.choice(x) for x in (NAMES, PLACES, THINGS, ACTS))
        is_wiki = i % 3 == 0
        label = rng.choice(["Fixing things", "Home and Garden", "Playing " + thing, "Ménage"])
        ctx_a = (f"[header] How to {act[:-1]} a {thing} [title] Find {place}. [step] Look for  light."
                 if is_wiki else f"{name} is standing in {place} and {act} a {thing}.")
        # capitalize() of Python: the first letter up, every other one down.
        ctx_b = "" if i % 5 == 0 else rng.choice(["the crowd", "a MAN in Red", "élan and he", "she  then"])
        endings = [
            rng.choice([
                f"{rng.choice(ACTS)} the {rng.choice(THINGS)} [substeps] near {rng.choice(PLACES)}.",
                f"walks away with the {rng.choice(THINGS)}  slowly.",
                f"says “{rng.choice(NAMES)}” and {rng.choice(ACTS)} {rng.choice(THINGS)}s until dusk , then rests.",
                f" {rng.choice(ACTS)} it [title] {rng.choice(NAMES)} smiles. ",
            ])
            for _ in range(4)
        ]
        ctx = ctx_a + " " + ctx_b if ctx_b else ctx_a
        rows.append({"ind": i + 1, "activity_label": label, "ctx_a": ctx_a, "ctx_b": ctx_b, "ctx": ctx,
                     "split": "val", "split_type": "indomain", "label": rng.randrange(4), "endings": endings,
                     "source_id": f"made~{i}"})
    return rows


def winogrande(rng, count):
    rows = []
    for i in range(count):
        a, b = rng.sample(NAMES, 2)
        x, y = rng.sample(THINGS, 2)
        sentence, one, two = rng.choice([
            (f"{a} gave the {x} to {b} because _ did not need it any more.", a, b),
            (f"The {x} did not fit into the box with the {y}, so the _ stayed outside .", x, y),
            (f"{a} found the {x} before {b} did, so _ was  happy about it.", a, b),
            (f"_ thanked {b} for the {x} that lay beside the {y}.", a, f"the {y}"),
            (f"Because the {x} was heavier than the {y}, {a} carried the _", x, y),
        ])
        if sentence.endswith("_"):
            sentence += "."
        rows.append({"qID": f"made-{i}", "sentence": sentence, "option1": one, "option2": two,
                     "answer": rng.choice("12")})
    return rows


def ceval(rng, subject, count):
    rows = []
    for i in range(count):
        a, b = rng.randrange(2, 60), rng.randrange(2, 60)
        question = rng.choice([
            f"{subject}：{a}加{b}等于____。", f" 下列关于“{rng.choice(THINGS)}”的说法，正确的是____ ",
            f"第{a}条规定，\n当事人应当在____日内提出。", f"设 f(x) = {a}x + {b}，则 f(1) = ____",
        ])
        values = rng.sample([str(a + b), str(a * b), f"{a}日", "以上都不对", "以上, \"都\" 对", "无法确定"], 4)
        rows.append([i, question, *values, rng.choice("ABCD")])
    return rows


def gsm8k(rng, count):
    rows = []
    for _ in range(count):
        name, thing = rng.choice(NAMES), rng.choice(THINGS)
        a, b = rng.randrange(2, 90), rng.randrange(2, 90)
        big = f"{a * b * 100:,}"
        question, answer = rng.choice([
            (f"{name} has {a} {thing}s and buys {b} more. How many {thing}s are there now?",
             f"{name} starts with {a}.\nThen there are {a}+{b}=<<{a}+{b}={a + b}>>{a + b} {thing}s.\n#### {a + b}"),
            (f"A {thing} costs ${a}. What do {b * 100} of them cost?",
             f"They cost {a}*{b * 100}=${big}.\n#### {big}"),
            (f"{name} owes {b} and pays {a}. What is left?", f"It is {a}-{b}={a - b}.\n#### {a - b}"),
        ])
        rows.append({"question": question, "answer": answer})
    return rows


def wikitext(rng, pages):
    """Pages in wikitext's tokenized form: blanks around punctuation, @-@, headings of one, two and three marks."""
    def sentence():
        return rng.choice([
            f"{rng.choice(NAMES)} 's {rng.choice(THINGS)} , a well @-@ known piece , weighed {rng.randrange(1, 9)} @,@ {rng.randrange(100, 999)} kg .",
            f"It cost $ {rng.randrange(2, 99)} @.@ {rng.randrange(10, 99)} ( about {rng.randrange(2, 9)} pounds ) in {rng.randrange(1800, 1999)} .",
            f'" {rng.choice(ACTS)} the {rng.choice(THINGS)} ! " said the workers \' leader ; nobody answered : why ?',
            f"The temperature was {rng.randrange(2, 40)} ° C at N { rng.randrange(2, 9)} , [ see note ] and it 's said to be <unk> .",
        ])
    lines = [" \n"]
    for i in range(pages):
        lines += [f" = {rng.choice(NAMES)} ( {rng.choice(THINGS)} {i} ) = \n", " \n"]
        for depth in ([2] if i % 2 else [2, 3, 4]):
            lines += [" " + " ".join(sentence() for _ in range(rng.randrange(2, 6 + 12 * (i % 3)))) + " \n"]
            lines += [" \n", " " + "= " * depth + "Notes " + "= " * depth + "\n", " \n"]
        lines += [" " + " ".join(sentence() for _ in range(3)) + " \n"]
    return "".join(lines)


def write_lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def main():
    root = Path(sys.argv[1])
    rng = random.Random(20260823)
    write_lines(root / "hellaswag/hellaswag_val.jsonl", hellaswag(rng, 110))
    write_lines(root / "hellaswag/hellaswag_train.jsonl", hellaswag(rng, 40))
    write_lines(root / "winogrande/dev.jsonl", winogrande(rng, 120))
    write_lines(root / "winogrande/train_xl.jsonl", winogrande(rng, 30))
    for subject, chinese in (("law", "法学"), ("logic", "逻辑学"), ("physician", "医师")):
        for split, count in (("dev", 5), ("val", 36)):
            path = root / f"ceval/{split}/{subject}_{split}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            is_dev = split == "dev"
            with path.open("w", encoding="utf-8", newline="") as f:
                out = csv.writer(f)
                out.writerow(["id", "question", "A", "B", "C", "D", "answer"] + ["explanation"] * is_dev)
                out.writerows(row + ["1. 见题。"] * is_dev for row in ceval(rng, chinese, count))
    write_lines(root / "gsm8k/test.jsonl", gsm8k(rng, 100))
    write_lines(root / "gsm8k/train.jsonl", gsm8k(rng, 30))
    (root / "wikitext").mkdir(exist_ok=True)
    (root / "wikitext/test.txt").write_text(wikitext(rng, 14), encoding="utf-8")


main()
