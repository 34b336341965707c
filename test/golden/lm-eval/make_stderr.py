"""What lm_eval (0.4.13) would give as standard errors of perplexities if it bootstrapped them: its own bootstrap_stderr over
its own weighted_perplexity and bits_per_byte. (It prints N/A: they are not among the metrics that stderr_for_metric
bootstraps, whatever bootstrap_iters says.) Made-up pages.

    DISABLE_MULTIPROC=1 python3 make_stderr.py
"""
import json
import os
import random
from pathlib import Path

os.environ["DISABLE_MULTIPROC"] = "1"
from lm_eval.api.metrics import bits_per_byte, bootstrap_stderr, stderr_for_metric, weighted_perplexity

ITERS = 20_000
cases = []
for count, spread, seed in ((60, 0.2, 1), (200, 0.5, 2), (12, 0.1, 3)):
    rnd = random.Random(seed)
    items = []
    for _ in range(count):
        weight = rnd.randint(50, 4000)
        items.append((round(-weight * rnd.gauss(2.8, spread), 4), weight))
    assert stderr_for_metric(weighted_perplexity, ITERS) is None and stderr_for_metric(bits_per_byte, ITERS) is None
    cases.append({
        "items": items,
        "perplexity": weighted_perplexity(items),
        "perplexityStderr": bootstrap_stderr(weighted_perplexity, items, ITERS),
        "bits": bits_per_byte(items),
        "bitsStderr": bootstrap_stderr(bits_per_byte, items, ITERS),
    })
Path(__file__).with_name("stderr.json").write_text(json.dumps({"iters": ITERS, "cases": cases}) + "\n")
