// At which level is each interval of a ladder, why, and how little do few repeats show? For a terminal and a page alike.

import { formatRatio } from '../compare/change.js';
import type { Ladder } from '../ladder/ladder.js';
import { ladderDefaults } from '../ladder/ladder-plan.js';
import { leastShownRatio } from '../statistics/index.js';

/** "98.75 %" */
export interface LadderLevels {
  /** Of ratios of the steps, of the whole, and against the base. */
  readonly ratios: string;
  /** Of differences of scores, of the same. */
  readonly scores: string;
  /** Of factors alone and of interactions; null where none is measured. */
  readonly interactions: string | null;
}

export function levelsOf({ simultaneous: { steps, interactions } }: Ladder): LadderLevels {
  return {
    ratios: percent(1 - steps.alphaEach),
    scores: percent(1 - 2 * steps.alphaEach),
    interactions: interactions === null ? null : percent(1 - interactions.alphaEach),
  };
}

/** What intervals are of, at which level, and why at that one. */
export function describeIntervals(ladder: Ladder): string {
  const { alpha, simultaneous } = ladder;
  const { count } = simultaneous.steps;
  const levels = levelsOf(ladder);
  const together = percent(1 - alpha);
  const members = count === 1 ? 'the step' : `the ${count - 1} steps and of the whole`;
  const why =
    count === 1
      ? ''
      : `, so that all ${count} hold together at ${together} (${simultaneous.method}: of ${count} at ${together} each, one is more often off)`;
  const interactions =
    simultaneous.interactions === null
      ? ''
      : `; of ${countOf(simultaneous.interactions.count, 'factor')} alone, and of interactions, at ${levels.interactions} each, likewise`;
  const source = fewestRepeats(ladder) > 1 ? 'over repeats' : 'over the samples of one run';
  return `ratios of ${members} are at ${levels.ratios}${count === 1 ? '' : ' each'}${why}, ${source}; those against the base are at that level too, and not counted${interactions}; scores, paired by sample, at ${levels.scores} (each bound at ${levels.ratios})`;
}

/** A standard deviation of the logarithm, as of an idle machine. */
const supposedScatter = 0.01;

/** null where intervals are less than twice as wide as those of the usual repeats, or are of no repeats. */
export function describeFewRepeats(ladder: Ladder): string | null {
  const repeats = fewestRepeats(ladder);
  const usual = ladderDefaults.repeats;
  if (repeats < 2) return null;
  const { alphaEach } = ladder.simultaneous.steps;
  const shownBy = (count: number) => leastShownRatio(count, supposedScatter, alphaEach);
  if (Math.log(shownBy(repeats)) < 2 * Math.log(shownBy(usual))) return null;
  return `${repeats} repeats show little: if a ratio scatters by ${percent(supposedScatter)} from repeat to repeat, only one above ${formatRatio(shownBy(repeats))} is told from 1, with ${usual} repeats one above ${formatRatio(shownBy(usual))} (Student's t, ${countOf(repeats - 1, 'degree')} of freedom)`;
}

/** That every rung which was run has. */
function fewestRepeats({ rungs }: Ladder): number {
  const made = rungs.flatMap(({ runs }) => (runs === 0 ? [] : [runs]));
  return made.length === 0 ? 0 : Math.min(...made);
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(2))} %`;
}
