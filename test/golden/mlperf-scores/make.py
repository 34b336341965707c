"""Accuracy logs as harnesses write them, and what MLCommons' accuracy scripts (language/llama2-70b, llama3.1-8b, gpt-j of
mlcommons/inference) come to on them, by the same steps with the same packages: the first record of a sample, numpy's reading
of the bytes, transformers' batch_decode, nltk 3.8.1's sentences, rouge_score 0.1.2 with stemming, numpy's mean and rounding.
The scripts themselves (evaluate-accuracy.py of llama2-70b, evaluation.py of the others, at commit b66003e1; `evaluate` with
its repository's metrics/rouge as a local folder, these rows as a pickle or with a tok_input) printed these figures for all
three logs on 2026-11-27.

    PYTHONPATH=NLTK_3_8_1 python3 make.py PUNKT_TAB_ENGLISH ../../../configs/models/tiny
"""
import json
import random
import sys
from pathlib import Path

import nltk
import numpy as np
from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer
from rouge_score import rouge_scorer
from transformers import AutoTokenizer

HERE = Path(__file__).parent
assert nltk.__version__ == "3.8.1", nltk.__version__
WORDS = "the a cat dog house running runs ran sky skies said officials U.S. Mr. Smith 5 p.m. 1,000 dying news i.e. café don't".split()


def load_punkt(folder):
    parameters = PunktParameters()
    lines = lambda name: [x for x in Path(folder, name).read_text(encoding="utf-8").split("\n") if x]
    parameters.abbrev_types = set(lines("abbrev_types.txt"))
    parameters.sent_starters = set(lines("sent_starters.txt"))
    parameters.collocations = {tuple(x.split("\t")) for x in lines("collocations.tab")}
    for line in lines("ortho_context.tab"):
        word, bits = line.split("\t")
        parameters.ortho_context[word] = int(bits)
    return PunktSentenceTokenizer(parameters)


def sentence(rng):
    words = [rng.choice(WORDS) for _ in range(rng.randrange(3, 14))]
    words[0] = words[0].capitalize()
    return " ".join(words) + rng.choice([".", ".", "!", "?", '."', ". ", "..."])


def answer(rng, reference):
    words = reference.split(" ")
    for _ in range(rng.randrange(0, 8)):
        if words:
            words[rng.randrange(len(words))] = rng.choice(WORDS)
    text = rng.choice(["", " ", "\n"]) + " ".join(words[: rng.randrange(0, len(words) + 1)])
    return text + rng.choice(["", "  ", "\n\nThe end. It is."])


def make_logs(rng, tokenizer, references):
    """Records of each kind: plain, with one end, with two ends, padded after an end, empty; some samples twice."""
    eos, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    plain = []
    for index, reference in enumerate(references):
        ids = tokenizer.encode(answer(rng, reference), add_special_tokens=False)
        ids += rng.choice([[], [eos], [eos, eos], [eos] + [pad] * rng.randrange(1, 9)])
        plain.append((index, ids))
    rng.shuffle(plain)
    repeated = plain + [(index, tokenizer.encode("another answer", add_special_tokens=False)) for index, _ in plain[:5]]
    return {"int32": (plain, np.int32), "int64": (plain, np.int64), "repeated-int64": (repeated, np.int64)}


def write_log(path, records, dtype):
    lines = [f'{{ "seq_id" : {n}, "qsl_idx" : {index}, "data" : "{np.array(ids, dtype=dtype).tobytes().hex().upper()}", "token_count" : {len(ids)} }}'
             for n, (index, ids) in enumerate(records)]
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n")


def evaluate(path, dtype, references, tokenizer, punkt):
    seen, targets, tokens = set(), [], []
    for record in json.loads(path.read_text()):
        if record["qsl_idx"] in seen:
            continue
        seen.add(record["qsl_idx"])
        targets.append(references[record["qsl_idx"]])
        tokens.append(np.frombuffer(bytes.fromhex(record["data"]), dtype))
    split = lambda text: "\n".join(punkt.tokenize(text.strip()))
    predictions = [split(text) for text in tokenizer.batch_decode(tokens, skip_special_tokens=True)]
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"], use_stemmer=True)
    scores = [scorer.score(split(target), prediction) for target, prediction in zip(targets, predictions)]
    rouge = {k: round(np.mean([s[k].fmeasure for s in scores]) * 100, 4) for k in scores[0]}
    count = sum(len(ids) for ids in tokens)
    lengths = {"gen_len": int(np.sum([len(p) for p in predictions])), "gen_num": len(predictions)}
    plain = {k: float(v) for k, v in rouge.items()}
    # What the scripts do not print: the standard error of each mean, by numpy from the same scores.
    error = lambda values: float(np.std(values, ddof=1) / np.sqrt(len(values)))
    errors = {k: error([s[k].fmeasure * 100 for s in scores]) for k in scores[0]}
    summary = f"\nResults\n\n{ {**{k: f'{v}' for k, v in plain.items()}, **lengths} }\n"
    return {
        "llama2-70b": f"\nResults\n\n{ {**plain, **lengths, 'gen_tok_len': count, 'tokens_per_sample': round(count / len(predictions), 1)} }\n",
        "llama3.1-8b": summary,
        "gpt-j": summary,
        "standardErrors": {**errors, "tokensPerSample": error([len(ids) for ids in tokens])},
    }


def main():
    punkt, tokenizer = load_punkt(sys.argv[1]), AutoTokenizer.from_pretrained(sys.argv[2])
    rng = random.Random(20260823)
    references = [" ".join(sentence(rng) for _ in range(rng.randrange(1, 5))) for _ in range(60)]
    rows = [{"instruction": "Summarize:", "input": "article", "output": r} for r in references]
    (HERE / "dataset.json").write_text(json.dumps(rows, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    expected = {}
    for name, (records, dtype) in make_logs(rng, tokenizer, references).items():
        path = HERE / f"log-{name}.json"
        write_log(path, records, dtype)
        expected[path.name] = evaluate(path, dtype, references, tokenizer, punkt)
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


main()
