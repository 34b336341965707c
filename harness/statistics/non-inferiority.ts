// Is the candidate no worse than the margin allows? An interval that holds 0 does not show it; one that ends before the
// margin does.

import { checkCount, checkShare } from './argument-checks.js';
import type { Interval, TailTest } from './interval.js';
import { adjustHolm } from './multiplicity.js';
import { normalQuantile } from './normal.js';

/** The loss that is allowed. "1.5 %" may mean either; the two differ by the baseline's score. */
export interface Margin {
  /** absolute: in the score's own units. relative: a share of the baseline's score. */
  readonly kind: 'absolute' | 'relative';
  readonly value: number;
}

export interface NonInferiorityQuestion {
  /** Of candidate - baseline or candidate / baseline, two-sided at 1 - 2 alpha. */
  readonly interval: Interval;
  /** Of the same, agreeing with the interval. */
  readonly tail: TailTest;
  readonly of: 'difference' | 'ratio';
  /** Which way the score improves: higher for accuracy, lower for perplexity. */
  readonly better: 'higher' | 'lower';
  readonly margin: Margin;
  /** The baseline's score, above 0; needed where margin and interval are not of one kind. Taken as known. */
  readonly baseline?: number;
  /** Items the interval was made from. */
  readonly items: number;
  /** One-sided; 0.05 unless given. */
  readonly alpha?: number;
  /** For what would have been seen; `usualPower` unless given. */
  readonly power?: number;
}

/** How often a true loss of the size that "would have been seen" is seen. */
export const usualPower = 0.8;

export interface NonInferiority {
  readonly verdict: 'non-inferior' | 'inferior' | 'cannot tell';
  /** What the interval must not reach: on its scale, a difference or a ratio. */
  readonly limit: number;
  /** The bound that decides, or both where they do not. */
  readonly reason: string;
  /** One-sided, that the loss is within the margin: small where one beyond it shows. */
  readonly lossP: number;
  /** The same among all that was judged together (Holm); of a judgement alone the same. */
  readonly adjustedLossP: number;
  /** Inferior by itself, which does not stand among all that was judged together. */
  readonly isHeldBack: boolean;
  /**
   * The smallest true loss, on the interval's scale (a difference, or how far a ratio is from 1), that as many items with
   * this scatter would have shown to be a loss with the power asked for. Null for an interval without width, and for one
   * that knows of no scatter.
   */
  readonly detectableLoss: number | null;
  /** Items that would show non-inferiority with that power if both systems are equal; null likewise. */
  readonly itemsIfEqual: number | null;
  /** Items that would decide if the true value is the estimate; null where that lies on the limit, and likewise. */
  readonly itemsIfAsEstimated: number | null;
}

/**
 * Compares an interval with a margin: non-inferior when the whole interval is on the good side of the limit, inferior when
 * all of it is on the bad side. Each claim is wrong with at most alpha, since it rests on one bound of an interval at
 * 1 - 2 alpha. Numbers of items scale the squared standard error by the normal approximation.
 * @throws RangeError when the interval has another confidence, or margin, baseline or items are out of range
 */
export function judgeNonInferiority(question: NonInferiorityQuestion): NonInferiority {
  const { interval, tail, of, better, items, alpha = 0.05, power = usualPower } = question;
  checkShare('alpha', alpha);
  checkShare('power', power);
  checkCount('items', items, 1);
  if (Math.abs(interval.confidence - (1 - 2 * alpha)) > 1e-9) {
    throw new RangeError(
      `the interval has confidence ${interval.confidence}; a one-sided alpha of ${alpha} takes ${1 - 2 * alpha}`,
    );
  }
  const allowed = allowedLoss(question);
  const unchanged = of === 'ratio' ? 1 : 0;
  const limit = better === 'higher' ? unchanged - allowed : unchanged + allowed;
  const { verdict, reason } = compare(interval, limit, better, alpha);
  const z = normalQuantile(1 - alpha);
  // Score intervals have a width even where the items at hand differ nowhere.
  const scatter =
    interval.standardError === null
      ? 0
      : interval.standardError || (interval.upper - interval.lower) / (2 * z);
  const reach = (z + normalQuantile(power)) * scatter;
  const itemsFor = (distance: number): number | null =>
    scatter === 0 || distance === 0 ? null : Math.ceil(items * (reach / distance) ** 2);
  const lossP = tail(better === 'higher' ? 'at least' : 'at most', limit);
  return {
    verdict,
    limit,
    reason,
    lossP,
    adjustedLossP: lossP,
    isHeldBack: false,
    detectableLoss: scatter === 0 ? null : reach,
    itemsIfEqual: itemsFor(allowed),
    itemsIfAsEstimated: itemsFor(Math.abs(interval.estimate - limit)),
  };
}

/**
 * What several judgements say together: several metrics of the same answers, several tasks. That all are non-inferior is
 * claimed only where each of them is, which is wrong with at most alpha however many there are (an intersection-union test,
 * Berger 1982), and needs no correction. That any is inferior has as many chances to be wrong as there are judgements: a
 * loss counts as shown where Holm's adjusted p-value is at most alpha, so that even one false claim among all has alpha.
 * @param alpha one-sided, that of the judgements
 * @returns in the order given; "inferior" that does not stand among so many is "cannot tell"
 */
export function judgeTogether(
  judgements: readonly NonInferiority[],
  alpha: number,
): NonInferiority[] {
  checkShare('alpha', alpha);
  const adjusted = adjustHolm(judgements.map(({ lossP }) => lossP));
  return judgements.map((judgement, i): NonInferiority => {
    const adjustedLossP = adjusted[i]!;
    const isHeldBack = judgement.verdict === 'inferior' && adjustedLossP > alpha;
    const verdict = isHeldBack ? 'cannot tell' : judgement.verdict;
    return { ...judgement, adjustedLossP, isHeldBack, verdict };
  });
}

/** The margin on the interval's scale. */
function allowedLoss({ of, margin, baseline }: NonInferiorityQuestion): number {
  if (!(margin.value > 0 && margin.value < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`margin is ${margin.value}; it must be a finite number above 0`);
  }
  if ((margin.kind === 'relative') === (of === 'ratio')) return margin.value;
  if (baseline === undefined || !(baseline > 0 && baseline < Number.POSITIVE_INFINITY)) {
    throw new RangeError(
      `baseline is ${baseline}; a ${margin.kind} margin of a ${of} needs a finite score above 0`,
    );
  }
  return of === 'ratio' ? margin.value / baseline : margin.value * baseline;
}

function compare(
  { lower, upper, confidence }: Interval,
  limit: number,
  better: 'higher' | 'lower',
  alpha: number,
): Pick<NonInferiority, 'verdict' | 'reason'> {
  const name = `${Number((100 * confidence).toFixed(4))} % interval`;
  const level = `one-sided alpha ${alpha}`;
  const [near, far] = better === 'higher' ? ['lower', 'upper'] : ['upper', 'lower'];
  const above = `bound ${format(lower)} of the ${name} is above the limit ${format(limit)} (${level})`;
  const below = `bound ${format(upper)} of the ${name} is below the limit ${format(limit)} (${level})`;
  if (lower > limit) {
    return better === 'higher'
      ? { verdict: 'non-inferior', reason: `the ${near} ${above}` }
      : { verdict: 'inferior', reason: `the ${far} ${above}` };
  }
  if (upper < limit) {
    return better === 'higher'
      ? { verdict: 'inferior', reason: `the ${far} ${below}` }
      : { verdict: 'non-inferior', reason: `the ${near} ${below}` };
  }
  return {
    verdict: 'cannot tell',
    reason: `the ${name} from ${format(lower)} to ${format(upper)} holds the limit ${format(limit)} (${level})`,
  };
}

function format(value: number): string {
  return String(Number(value.toPrecision(6)));
}
