// Means and their standard errors, as lm-evaluation-harness 0.4 computes them (api/metrics.py), and what it leaves out.

/** A value and how far it may be off; null where one cannot be told. */
export interface Estimate {
  readonly value: number;
  readonly stderr: number | null;
}

/** The mean, and the sample deviation (n - 1) over the root of n; none for a single value. */
export function estimateMean(values: readonly number[]): Estimate {
  const count = values.length;
  const mean = sum(values) / count;
  if (count < 2) return { value: mean, stderr: null };
  const squares = sum(values.map((value) => (value - mean) ** 2));
  return { value: mean, stderr: Math.sqrt(squares / (count - 1)) / Math.sqrt(count) };
}

/** The mean over groups weighed by their sizes, with the pooled standard error. */
export function pool(parts: readonly (Estimate & { readonly size: number })[]): Estimate {
  const total = sum(parts.map(({ size }) => size));
  const value = sum(parts.map((part) => part.value * part.size)) / total;
  if (parts.some(({ stderr }) => stderr === null) || total === parts.length) {
    return { value, stderr: null };
  }
  const variance =
    sum(parts.map(({ size, stderr }) => (size - 1) * stderr! ** 2 * size)) / (total - parts.length);
  return { value, stderr: Math.sqrt(variance / total) };
}

/** A part of a ratio of sums: a page's log-probability and its words, a window's and its tokens. */
export interface Share {
  readonly logProb: number;
  readonly weight: number;
}

/**
 * The mean negative log-probability of a unit of weight. lm-evaluation-harness prints "N/A" for the error of such a metric,
 * whatever bootstrap_iters is; ours is the ratio estimator's by the delta rule, with pages or windows as the blocks that are
 * drawn. It equals lm-evaluation-harness's own bootstrap_stderr of weighted_perplexity and bits_per_byte, times the root of
 * n / (n - 1) that a bootstrap lacks, but for terms that fall with 1 / n: 1 % at 60 pages, 2 % at 12 (as its bootstrap of
 * 20,000 draws has them).
 */
export function estimateLoss(shares: readonly Share[]): Estimate {
  const weight = sum(shares.map((share) => share.weight));
  const loss = -sum(shares.map(({ logProb }) => logProb)) / weight;
  const count = shares.length;
  if (count < 2) return { value: loss, stderr: null };
  const squares = sum(shares.map((share) => (-share.logProb - loss * share.weight) ** 2));
  return { value: loss, stderr: Math.sqrt((squares * count) / (count - 1)) / weight };
}

/** e to the loss, with the error by the delta rule. */
export function toPerplexity({ value, stderr }: Estimate): Estimate {
  const perplexity = Math.exp(value);
  return { value: perplexity, stderr: stderr === null ? null : perplexity * stderr };
}

/** In order, as Python's sum() adds. */
function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
