"""Asks lm_eval (0.4.13) itself: its own tasks over local files, its hf backend in fp32, on a checkpoint folder. Writes what
each item's prompt was, the log-probabilities, the answers, the scores and their standard errors.

    python3 make_items.py data
    python3 make.py --model ../../../configs/models/tiny --data data --mmlu MMLU --out golden.json
    python3 make.py --model M --data D --mmlu MMLU --subjects all --limit 0 --out F      # as much as you like

`npm test` reads the first; LM_EVAL_GOLDEN=FILE (LM_EVAL_DATA, LM_EVAL_MODEL) holds the same test to another one.

torch's fp32 log_softmax loses the many small terms of a large vocabulary: 9e-6 too much a token at 49,152 entries (against
float64 on the same logits), which shows in wikitext's sums. --softmax float64 takes that away.

MMLU is the folder of the original CSV files (dev/, test/). The subset taken is copied into data/mmlu. lm_eval's datasets
come from hubs, so each of its YAMLs is loaded as it is and pointed at a JSON copy of the same rows; prompts, few-shot
choice, requests and scores are its own.
"""
import argparse
import csv
import hashlib
import json
import re
import tempfile
from importlib.metadata import version
from pathlib import Path

import lm_eval
from lm_eval.api.group import Group
from lm_eval.api.task import ConfigurableTask
from lm_eval.config.group import AggMetricConfig
from lm_eval.tasks._yaml_loader import load_yaml

TASKS = Path(lm_eval.__file__).parent / "tasks"
SUBJECTS = ["abstract_algebra", "anatomy", "computer_security", "electrical_engineering", "global_facts",
            "management", "medical_genetics", "public_relations", "us_foreign_policy", "world_religions"]


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def read_mmlu(path):
    with path.open(encoding="utf-8", newline="") as f:
        return [{"question": r[0], "choices": r[1:5], "answer": "ABCD".index(r[5])} for r in csv.reader(f)]


def read_ceval(path):
    with path.open(encoding="utf-8", newline="") as f:
        return [dict(row) for row in csv.DictReader(f)]


def read_pages(path):
    """The rule of EleutherAI's document-level wikitext: a page begins at a heading of one mark."""
    pages, page = [], []
    for line in path.read_text(encoding="utf-8").split("\n"):
        heading = line.replace("= = =", "===").replace("= =", "==").strip()
        if heading.startswith("= ") and heading.endswith(" ="):
            if "\n".join(page).strip():
                pages.append({"page": "\n".join(page)})
            page = []
        page.append(line)
    return [*pages, {"page": "\n".join(page)}]


class Runner:
    def __init__(self, model, work, batch, softmax):
        from lm_eval.models.huggingface import HFLM
        self.lm = HFLM(pretrained=str(model), dtype="float32", device="cpu", batch_size=batch, softmax_dtype=softmax)
        self.work = work
        self.golden = {}

    def task(self, yaml, splits, name):
        config = load_yaml(TASKS / yaml, resolve_func=True)
        files = {}
        for split, rows in splits.items():
            path = self.work / f"{name}-{split}.jsonl"
            path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
            files[split] = str(path)
        config.update(dataset_path="json", dataset_name=None, dataset_kwargs={"data_files": files})
        return ConfigurableTask(config=config)

    def run(self, name, tasks, shots, limit, groups=None, filters=None):
        """One entry of the golden file; `tasks` maps lm_eval's task names to tasks."""
        result = lm_eval.simple_evaluate(
            model=self.lm, tasks=list(tasks.values()), num_fewshot=shots, limit=limit, bootstrap_iters=1000,
            confirm_run_unsafe_code=True)
        entry = {"shots": shots, "limit": limit, "tasks": {}, "groups": {}}
        for task, samples in result["samples"].items():
            metrics = {k: v for k, v in result["results"][task].items() if isinstance(v, (int, float, str)) and k != "alias"}
            entry["tasks"][task] = {"version": result["versions"].get(task), "metrics": metrics,
                                    "items": describe(samples)}
        for group, (members, metric_names) in (groups or {}).items():
            made = Group(group, aggregate_metric_list=[AggMetricConfig(metric=m) for m in metric_names])
            for member in members:
                if member in tasks:
                    made.add(tasks[member])
            per_task = {t: result["results"][t] for t in tasks}
            if made.get_all_tasks():
                aggregate = made.aggregate(per_task)
                entry["groups"][group] = {k: float(v) for k, v in aggregate.items() if "," in k}
        self.golden[name] = entry
        print(name, json.dumps({t: v["metrics"] for t, v in entry["tasks"].items()})[:400], flush=True)


def describe(samples):
    """Rows [doc, prompt digest, log-probabilities or texts, metrics]; the first two with their requests in full."""
    rows = {}
    for sample in samples:
        requests = [tuple(a for a in args if isinstance(a, str)) for args in sample["arguments"]]
        digest = hashlib.sha256("\x00".join("\x01".join(r) for r in requests).encode()).hexdigest()[:16]
        row = rows.setdefault(sample["doc_id"], {"doc": sample["doc_id"], "prompt": digest})
        first = sample["resps"][0][0]
        if isinstance(first, str):
            row["text"] = first
            row.setdefault("answers", {})[sample["filter"]] = sample["filtered_resps"][0]
            row.setdefault("metrics", {})[sample["filter"]] = float(sample["exact_match"])
        elif isinstance(first, (int, float)):
            row["logProbs"] = [round(first, 4)]
        else:
            row["logProbs"] = [round(r[0][0], 5) for r in sample["resps"]]
            row["greedy"] = [int(r[0][1]) for r in sample["resps"]]
            row["metrics"] = {m: float(sample[m]) for m in sample["metrics"]}
        if len(rows) <= 2:
            row["requests"] = requests
    return [rows[doc] for doc in sorted(rows)]


def mmlu_groups(subjects):
    groups = {"mmlu": ([f"mmlu_{s}" for s in subjects], ["acc"])}
    for subject in subjects:
        tag = load_yaml(TASKS / f"mmlu/default/mmlu_{subject}.yaml", resolve_func=False)["tag"]
        groups.setdefault(tag.removesuffix("_tasks"), ([], ["acc"]))[0].append(f"mmlu_{subject}")
    return groups


def copy_mmlu(source, target, subjects, limit):
    """The subset as lines of the original files: a quoted field with a line break in it is kept whole."""
    for split, count in (("dev", 5), ("test", limit)):
        (target / split).mkdir(parents=True, exist_ok=True)
        for subject in subjects:
            name = f"{split}/{subject}_{split}.csv"
            with (source / name).open(encoding="utf-8", newline="") as f:
                rows = list(csv.reader(f))[: count or None]
            with (target / name).open("w", encoding="utf-8", newline="") as f:
                csv.writer(f, lineterminator="\n").writerows(rows)


def make_filters(path):
    """lm_eval's own extraction and comparison of GSM8K answers on texts with every trap."""
    from lm_eval.api.metrics import exact_match_hf_evaluate
    from lm_eval.filters.extraction import RegexFilter
    from lm_eval.models.utils import postprocess_generated_text
    config = load_yaml(TASKS / "gsm8k/gsm8k.yaml", resolve_func=True)
    metric = {k: v for k, v in config["metric_list"][0].items() if k not in ("metric", "aggregation", "higher_is_better")}
    texts = ["So 18.\n#### 18", "#### 1,234", "#### -7", "#### $5", "#### 18.", "#### 3.50 and 7", "####18", "no digits",
             "It is $12.50", "12 then 13.", "a.b,c 5", "..", "$", "-$4", "The answer is -4", "1,000,000 people", "", " ",
             "#### 18\nQuestion: next? #### 19", "7</s>8", "x <|im_end|> #### 2", "½ 3", "٣ and 4", "#### ٣", "#### -.5",
             "5.", "5,", "costs 5. #### 5.", "#### 18\n#### 19", "3-4", "-", "--5", "#### --5", "$1,2.3.4,", "9 $"]
    golds = ["work\n#### 18", "so\n#### 1,234", "#### -7", "#### 5", "x\n#### 3.50", "#### 2", "#### 13", "#### 4"]
    rows = []
    for text in texts:
        cut = postprocess_generated_text(text, config["generation_kwargs"]["until"] + ["</s>"], None)
        row = {"text": text, "cut": cut, "answers": {}, "matches": {}}
        for f in config["filter_list"]:
            args = {k: v for k, v in f["filter"][0].items() if k != "function"}
            answer = next(iter(RegexFilter(**args).apply([[cut]], [{}])))[0]
            row["answers"][f["name"]] = answer
            row["matches"][f["name"]] = [
                float(exact_match_hf_evaluate(predictions=[answer], references=[g], **metric)["exact_match"]) for g in golds]
        rows.append(row)
    path.write_text(json.dumps({"golds": golds, "rows": rows}, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--mmlu", type=Path, required=True)
    parser.add_argument("--subjects", default=",".join(SUBJECTS))
    parser.add_argument("--limit", type=int, default=21, help="questions a subject of MMLU; 0 takes all")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--softmax", default=None, help="lm_eval's softmax_dtype: float64 for a vocabulary of tens of thousands")
    parser.add_argument("--only", default="", help="names of entries, with commas; all where it is left out")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    subjects = ([p.name.removesuffix("_test.csv") for p in sorted((options.mmlu / "test").glob("*.csv"))]
                if options.subjects == "all" else options.subjects.split(","))
    copy_mmlu(options.mmlu, options.data / "mmlu", subjects, options.limit)
    make_filters(options.out.with_name("gsm8k-filters.json"))
    only = set(filter(None, options.only.split(",")))
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(options.model, Path(folder), options.batch, options.softmax)
        data = options.data

        def run(name, make_tasks, shots, limit, groups=None):
            """A run's tasks are made anew: lm_eval never takes back an explicit 0 examples."""
            if not only or name in only:
                runner.run(name, make_tasks(), shots, limit, groups=groups)

        def mmlu(names):
            return lambda: {f"mmlu_{s}": runner.task(f"mmlu/default/mmlu_{s}.yaml", {
                split: read_mmlu(data / f"mmlu/{split}/{s}_{split}.csv") for split in ("dev", "test")}, f"mmlu-{s}")
                for s in names}

        def ceval():
            return {f"ceval-valid_{s}": runner.task(f"ceval/ceval-valid_{s}.yaml", {
                split: read_ceval(data / f"ceval/{split}/{s}_{split}.csv") for split in ("dev", "val")}, f"ceval-{s}")
                for s in ("law", "logic", "physician")}

        def hellaswag():
            return {"hellaswag": runner.task("hellaswag/hellaswag.yaml", {
                "train": read_lines(data / "hellaswag/hellaswag_train.jsonl"),
                "validation": read_lines(data / "hellaswag/hellaswag_val.jsonl")}, "hellaswag")}

        def winogrande():
            return {"winogrande": runner.task("winogrande/default.yaml", {
                "train": read_lines(data / "winogrande/train_xl.jsonl"),
                "validation": read_lines(data / "winogrande/dev.jsonl")}, "winogrande")}

        def wikitext():
            pages = read_pages(data / "wikitext/test.txt")
            return {"wikitext": runner.task("wikitext/wikitext.yaml", {
                split: pages for split in ("train", "validation", "test")}, "wikitext")}

        def gsm8k():
            return {"gsm8k": runner.task("gsm8k/gsm8k.yaml", {
                split: read_lines(data / f"gsm8k/{split}.jsonl") for split in ("train", "test")}, "gsm8k")}

        of_ceval = {"ceval-valid": ([f"ceval-valid_{s}" for s in ("law", "logic", "physician")], ["acc", "acc_norm"])}
        run("mmlu-5", mmlu(subjects), 5, None, groups=mmlu_groups(subjects))
        run("mmlu-0", mmlu(subjects), 0, 12, groups=mmlu_groups(subjects))
        run("ceval-0", ceval, 0, None, groups=of_ceval)
        run("ceval-5", ceval, 5, 8, groups=of_ceval)
        run("hellaswag-0", hellaswag, 0, None)
        run("hellaswag-3", hellaswag, 3, 30)
        run("winogrande-0", winogrande, 0, None)
        run("winogrande-5", winogrande, 5, 60)
        run("wikitext-0", wikitext, None, None)
        run("gsm8k-5", gsm8k, 5, None)
        golden = runner.golden
    if only and options.out.exists():
        golden = {**json.loads(options.out.read_text(encoding="utf-8"))["runs"], **golden}
    versions = {p: version(p) for p in ("lm_eval", "transformers", "torch", "tokenizers", "datasets")}
    write(options.out, {"model": options.model.resolve().name, "versions": versions, "runs": golden})


def write(path, golden):
    """One item a line."""
    text = json.dumps(golden, ensure_ascii=False, indent=1)
    text = re.sub(r"\n {6,}", " ", text)
    path.write_text(text + "\n", encoding="utf-8")


main()
