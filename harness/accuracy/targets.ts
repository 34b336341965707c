// Does a run's quality meet its targets? Floors and bands as MLCommons' submission checker computes them:
// reference x factor in double precision, compared with >= and <=. Where references come from is the caller's business.
import type { AccuracyMetrics, MetricName } from './metrics.js';

/**
 * What a metric must reach.
 * - `at-least`: value >= reference x factor (ROUGE: factor 0.99 or 0.999)
 * - `within`: reference x factor <= value <= reference x (2 - factor) (generated length: factor 0.9 is 0.9 to 1.1)
 */
export interface AccuracyTarget {
  readonly metric: MetricName;
  readonly kind: 'at-least' | 'within';
  readonly reference: number;
  /** In (0, 1]. */
  readonly factor: number;
}

export interface JudgedTarget extends AccuracyTarget {
  /** The least value that passes. */
  readonly threshold: number;
  /** The greatest value that passes; null where more is never wrong. */
  readonly upperThreshold: number | null;
  /** null: the run did not measure this metric, which fails the target. */
  readonly value: number | null;
  readonly pass: boolean;
}

/** Judges every target, in the order given. */
export function judgeTargets(
  metrics: AccuracyMetrics,
  targets: readonly AccuracyTarget[],
): JudgedTarget[] {
  return targets.map((target) => judgeTarget(metrics[target.metric] ?? null, target));
}

function judgeTarget(value: number | null, target: AccuracyTarget): JudgedTarget {
  const { metric, kind, reference, factor } = target;
  if (!(factor > 0 && factor <= 1)) {
    throw new RangeError(`the factor of target ${metric} is ${factor}; it must be in (0, 1]`);
  }
  if (!(Number.isFinite(reference) && reference >= 0)) {
    throw new RangeError(
      `the reference of target ${metric} is ${reference}; it must be a number of at least 0`,
    );
  }
  const threshold = reference * factor;
  const upperThreshold = kind === 'within' ? reference * (2 - factor) : null;
  const pass =
    value !== null && value >= threshold && (upperThreshold === null || value <= upperThreshold);
  return { metric, kind, reference, factor, threshold, upperThreshold, value, pass };
}
