// What a task of `bench eval` is made of: where its rows come from, and how they become items. One task a file; which there
// are, catalog.ts lists.

import type { EvalItem } from '../item.js';
import type { TextEncoder } from '../text-encoder.js';
import type { TaskData } from './task-data.js';

/** What was asked of a task. */
export interface TaskTerms {
  /** The folder with the task's data. */
  readonly folder: string;
  /** Solved examples before each question. */
  readonly shots: number;
  /** At most so many items a leaf task (a subject of MMLU is one); null takes all. */
  readonly limit: number | null;
  /** For tasks that cut texts into tokens themselves. */
  readonly encoder: TextEncoder;
  /** Tokens the model reads at once. */
  readonly maxLength: number;
}

/** A task with scores of its own. */
export interface LeafTask {
  readonly name: string;
  readonly version: string;
  readonly shots: number;
  readonly items: readonly EvalItem[];
  /** Facts that a reader must know to compare the score: n_ctx, stride, BOS rule, token count. */
  readonly facts?: Readonly<Record<string, string | number>>;
}

/** An average over leaf tasks, weighed by their sizes. */
export interface TaskGroup {
  readonly name: string;
  readonly version: string;
  readonly members: readonly string[];
}

export interface BuiltTask {
  readonly leaves: readonly LeafTask[];
  readonly groups: readonly TaskGroup[];
}

export interface TaskDefinition {
  readonly name: string;
  readonly defaultShots: number;
  /** The most that the protocol allows; 0 where it has no examples. */
  readonly maxShots: number;
  readonly data: TaskData;
  build(terms: TaskTerms): Promise<BuiltTask>;
}

/** The first `limit` rows. */
export function limitRows<T>(rows: readonly T[], limit: number | null): readonly T[] {
  return limit === null ? rows : rows.slice(0, limit);
}
