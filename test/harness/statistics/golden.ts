// What scipy and statsmodels answered (test/golden/statistics/make.py).

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PairedCounts } from '../../../harness/statistics/index.js';

interface Golden {
  readonly distributions: Readonly<Record<string, number[][]>>;
  readonly bootstrap: readonly {
    readonly name: 'difference' | 'ratio';
    readonly baseline: number[];
    readonly candidate: number[];
    readonly method: 'BCa' | 'percentile';
    readonly alpha: number;
    readonly lower: number;
    readonly upper: number;
    readonly standardError: number;
  }[];
  readonly percentiles: {
    readonly values: number[];
    readonly cases: readonly {
      readonly count: number;
      readonly percentile: number;
      readonly alpha: number;
      readonly lower: number | null;
      readonly upper: number | null;
    }[];
  };
  readonly repeats: readonly {
    readonly baseline: number[];
    readonly candidate: number[];
    readonly alpha: number;
    readonly independent: [number, number];
    readonly interleaved?: [number, number];
  }[];
  readonly mcnemar: readonly {
    readonly baselineOnly: number;
    readonly candidateOnly: number;
    readonly exact: number;
    readonly midP: number;
  }[];
  readonly tango: readonly {
    readonly counts: PairedCounts;
    readonly alpha: number;
    readonly lower: number;
    readonly upper: number;
  }[];
  readonly clustered: readonly {
    /** A digit a sample. */
    readonly runs: string[];
    readonly alpha: number;
    readonly share: number;
    readonly effectiveSamples: number;
    readonly lower: number;
    readonly upper: number;
  }[];
  readonly multiplicity: readonly { p: number[]; holm: number[]; bh: number[] }[];
}

const path = join(import.meta.dirname, '../../golden/statistics/golden.json');
export const golden = JSON.parse(readFileSync(path, 'utf8')) as Golden;

/** How far `value` is from `expected`, as a share of it. */
export function relativeError(value: number, expected: number): number {
  return value === expected ? 0 : Math.abs(value - expected) / Math.abs(expected);
}
