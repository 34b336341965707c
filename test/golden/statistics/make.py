"""Writes golden.json: what scipy and statsmodels make of the questions that harness/statistics answers.

    pip install numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0 && python3 make.py
"""
import json
import pathlib

import numpy as np
from scipy import optimize, special, stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

draw = np.random.RandomState(20261126)


class Xoshiro128(np.random.RandomState):
    """Draws what harness/statistics/random.ts draws, written from the papers (xoshiro128** 1.1; MurmurHash3's finalizer),
    so that scipy's bootstrap sees the very resamples that ours does."""

    def __init__(self, seed):
        super().__init__(0)
        self.words = [self.mixed((seed + i * 0x9E3779B9) % 2**32) for i in range(1, 5)]

    @staticmethod
    def mixed(h):
        h = (h ^ h >> 16) * 0x85EBCA6B % 2**32
        h = (h ^ h >> 13) * 0xC2B2AE35 % 2**32
        return h ^ h >> 16

    def next(self):
        def turn(x, k):
            return (x << k | x >> 32 - k) % 2**32
        s = self.words
        result = turn(s[1] * 5 % 2**32, 7) * 9 % 2**32
        t = s[1] << 9 & 0xFFFFFFFF
        s[2] ^= s[0]; s[3] ^= s[1]; s[1] ^= s[2]; s[0] ^= s[3]
        s[2] ^= t
        s[3] = turn(s[3], 11)
        return result

    def randint(self, low, high=None, size=None, dtype=int):
        count = int(np.prod(size))
        return np.array([low + self.next() * (high - low) // 2**32 for _ in range(count)]).reshape(size)


def numbers(values, digits=6):
    return [float(v) for v in np.round(values, digits)]


def bootstrap_case(name, baseline, candidate, statistic, method, alpha):
    result = stats.bootstrap((np.array(baseline), np.array(candidate)), statistic, paired=True, vectorized=True,
                             n_resamples=2000, method=method, confidence_level=1 - alpha, random_state=Xoshiro128(7))
    low, high = result.confidence_interval
    return {"name": name, "baseline": baseline, "candidate": candidate, "method": method, "alpha": alpha,
            "lower": low, "upper": high, "standardError": result.standard_error}


def mean_difference(a, b, axis=-1):
    return np.mean(b - a, axis=axis)


def mean_ratio(a, b, axis=-1):
    return np.sum(b, axis=axis) / np.sum(a, axis=axis)


def make_bootstrap():
    normal = numbers(draw.normal(50, 10, 40))
    shifted = numbers(np.array(normal) + draw.normal(1, 4, 40))
    skewed = numbers(draw.beta(0.5, 3, 40))
    worse = numbers(np.array(skewed) * draw.beta(8, 1, 40))
    cases = []
    for a, b in ((normal, shifted), (skewed, worse)):
        for method in ("BCa", "percentile"):
            for alpha in (0.05, 0.1):
                cases.append(bootstrap_case("difference", a, b, mean_difference, method, alpha))
                cases.append(bootstrap_case("ratio", a, b, mean_ratio, method, alpha))
    return cases


def make_percentiles():
    draw.normal(size=2240)  # Left out, so that all that follows stays what it was.
    values = numbers(draw.lognormal(3, 1, 800), 3)
    cases = []
    for count in (30, 100, 400, 800):
        for p in (0.5, 0.9, 0.99):
            for alpha in (0.05, 0.1):
                ci = stats.quantile_test(values[:count], p=p).confidence_interval(1 - alpha)
                cases.append({"count": count, "percentile": p, "alpha": alpha,
                              "lower": None if np.isnan(ci.low) else ci.low,
                              "upper": None if np.isnan(ci.high) else ci.high})
    return {"values": values, "cases": cases}


def make_repeats():
    cases = []
    for a, b, sd in ((3, 3, 0.01), (5, 8, 0.02), (2, 4, 0.05), (12, 12, 0.1)):
        baseline = numbers(1000 * np.exp(draw.normal(0, sd, a)), 2)
        candidate = numbers(970 * np.exp(draw.normal(0, 2 * sd, b)), 2)
        for alpha in (0.05, 0.1):
            case = {"baseline": baseline, "candidate": candidate, "alpha": alpha}
            welch = stats.ttest_ind(np.log(candidate), np.log(baseline), equal_var=False)
            case["independent"] = [float(np.exp(v)) for v in welch.confidence_interval(1 - alpha)]
            if a == b:
                paired = stats.ttest_rel(np.log(candidate), np.log(baseline))
                case["interleaved"] = [float(np.exp(v)) for v in paired.confidence_interval(1 - alpha)]
            cases.append(case)
    return cases


def make_mcnemar():
    cases = []
    for b, c in ((0, 0), (1, 7), (7, 1), (6, 16), (10, 10), (0, 5), (121, 59), (312, 340), (5100, 4900), (40000, 41000)):
        fewer = min(b, c)
        exact = mcnemar([[100, b], [c, 50]], exact=True).pvalue if b + c else 1.0
        mid = 2 * stats.binom.cdf(fewer, b + c, 0.5) - stats.binom.pmf(fewer, b + c, 0.5)
        cases.append({"baselineOnly": b, "candidateOnly": c, "exact": float(exact), "midP": float(mid)})
    return cases


def tango_bound(b, c, n, target):
    """Where Tango's score reaches target, its restricted estimate found by maximizing the trinomial likelihood."""
    def score(d):
        def loss(q):
            return -(special.xlogy(b, q + d) + special.xlogy(c, q) + special.xlogy(n - b - c, 1 - 2 * q - d))
        low, high = max(0.0, -d), (1 - d) / 2
        q = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-13}).x
        return (b - c - n * d) / np.sqrt(n * (2 * q + d * (1 - d)))
    return optimize.brentq(lambda d: score(d) - target, -0.999999, 0.999999, xtol=1e-13)


def make_tango():
    cases = []
    for both, c, b, neither in ((59, 16, 6, 80), (1, 7, 1, 12), (40, 20, 40, 60), (900, 13, 9, 78), (5000, 310, 402, 1288)):
        n = both + b + c + neither
        for alpha in (0.05, 0.1):
            z = stats.norm.ppf(1 - alpha / 2)
            cases.append({"counts": {"both": both, "baselineOnly": c, "candidateOnly": b, "neither": neither},
                          "alpha": alpha, "lower": tango_bound(b, c, n, z), "upper": tango_bound(b, c, n, -z)})
    return cases


def make_multiplicity():
    lists = [[0.01], [0.04, 0.01, 0.03], [0.001, 0.8, 0.02, 0.02, 0.04, 0.5, 0.00001, 1.0, 0.0],
             numbers(draw.beta(0.4, 2, 57)), [0.05] * 6]
    return [{"p": p, "holm": list(multipletests(p, method="holm")[1]),
             "bh": list(multipletests(p, method="fdr_bh")[1])} for p in lists]


def make_distributions():
    xs = [-38, -20, -8.3, -5, -2.6, -2.5, -2.4, -1.96, -1, -0.3, -1e-3, 0, 0.5, 1.2, 2.499, 3.3, 6]
    ps = [1e-300, 1e-30, 1e-10, 1e-4, 0.001, 0.0123, 0.025, 0.05, 0.1, 0.3, 0.4999, 0.5, 0.51, 0.8, 0.95, 0.999, 1 - 1e-9]
    ts = [-1e6, -50, -7.1, -2.2, -0.9, -0.01, 0, 1e-6, 0.4, 1.7, 3, 12, 300]
    dfs = [0.7, 1, 1.5, 2, 3.37, 5, 11, 29.8, 100, 1000, 123456.7]
    beta = [(a, b, x) for a in (0.1, 0.5, 1, 2.7, 15, 16.5, 300, 25000, 1e5) for b in (0.5, 1, 3.3, 40, 900, 1e5)
            for x in (1e-6, 0.01, 0.2, 0.5, 0.77, 0.99, a / (a + b))]
    binomial = [(k, n, p) for n in (1, 8, 20, 501, 10000, 100000) for p in (0.01, 0.5, 0.9)
                for k in sorted({0, n // 100, int(n * p * 0.9), int(n * p), min(n, int(n * p * 1.05) + 1), n})]
    return {
        "normalCdf": [[x, stats.norm.cdf(x)] for x in xs],
        "normalQuantile": [[p, stats.norm.ppf(p)] for p in ps],
        "studentCdf": [[t, df, stats.t.cdf(t, df)] for df in dfs for t in ts],
        "studentQuantile": [[p, df, stats.t.ppf(p, df)] for df in dfs for p in ps if 1e-12 < p],
        "incompleteBeta": [[a, b, x, special.betainc(a, b, x)] for a, b, x in beta],
        "binomialCdf": [[k, n, p, stats.binom.cdf(k, n, p)] for k, n, p in binomial],
        "binomialUpperTail": [[k, n, p, stats.binom.sf(k - 1, n, p)] for k, n, p in binomial],
    }


def make_clustered():
    """Runs of ones and zeros that come in clumps; mean squares of batches x runs are statsmodels' (anova_lm), bounds are
    Clopper and Pearson's by scipy's beta distribution with as many samples as are effective (Korn and Graubard)."""
    draw = np.random.RandomState(20261127)
    cases = []
    for count, runs, share, stay, scatter in ((200, 1, 0.1, 0.5, 0), (1000, 3, 0.05, 0.9, 0.3), (503, 2, 0.3, 0, 0),
                                              (700, 4, 0.02, 0.7, 1), (1000, 3, 0.1, 0.2, 1),
                                              (2000, 5, 0.01, 0.95, 0), (7, 2, 0.4, 0, 0)):
        data = []
        for _ in range(runs):
            level, state, run = share * np.exp(scatter * draw.normal()), 0, []
            for _ in range(count):
                state = state if draw.uniform() < stay else int(draw.uniform() < level)
                run.append(state)
            data.append(run)
        batches = min(10, count)
        ends = [i * count // batches for i in range(batches + 1)]
        rows = [{"y": np.mean(run[ends[j]:ends[j + 1]]), "run": i, "batch": j}
                for i, run in enumerate(data) for j in range(batches)]
        table = {key: np.array([row[key] for row in rows]) for key in rows[0]}
        model = "y ~ C(batch)" + (" + C(run)" if runs > 1 else "")
        fitted = ols(model, table).fit()
        if runs > 1:
            anova = anova_lm(fitted)
            square = anova["sum_sq"] / anova["df"]
            parts = [(square["C(batch)"], batches - 1), (square["C(run)"], runs - 1)]
        else:
            parts = [(np.var(table["y"], ddof=1), batches - 1)]
        total = sum(square for square, _ in parts)
        df = total ** 2 / sum(square ** 2 / freedom for square, freedom in parts)
        p = np.mean(data)
        alpha = 0.01
        adjusted = (stats.t.ppf(1 - alpha, count - 1) / stats.t.ppf(1 - alpha, df)) ** 2
        effective = min(count, p * (1 - p) / (total / (batches * runs)) * adjusted)
        counted = p * effective
        cases.append({"runs": ["".join(map(str, run)) for run in data], "alpha": alpha, "share": p,
                      "effectiveSamples": effective,
                      "lower": stats.beta.ppf(alpha, counted, effective - counted + 1),
                      "upper": stats.beta.ppf(1 - alpha, counted + 1, effective - counted)})
    return cases


golden = {
    "distributions": make_distributions(),
    "bootstrap": make_bootstrap(),
    "percentiles": make_percentiles(),
    "repeats": make_repeats(),
    "mcnemar": make_mcnemar(),
    "tango": make_tango(),
    "multiplicity": make_multiplicity(),
    "clustered": make_clustered(),
}
text = json.dumps(golden, default=float)
pathlib.Path(__file__).with_name("golden.json").write_text(text.replace('], "', '],\n"') + "\n")
