// What is asked of a worker: an answer to generate, or texts to weigh. A job knows what is left of it to compute, as far as
// that can be told, and is sent to one worker after another where one fails.

import type { GenerateRequest, ScoreRequest, ScoreResult } from '../../native/index.js';

interface JobBase {
  /** Places that it takes in a batch. */
  readonly sequences: number;
  /** Tokens of its prompts, and those it is expected to generate or to weigh. */
  readonly promptTokens: number;
  readonly newTokens: number;
}

export interface GenerationJob extends JobBase {
  readonly kind: 'generation';
  readonly request: GenerateRequest;
}

export interface ScoringJob extends JobBase {
  readonly kind: 'scoring';
  readonly requests: readonly ScoreRequest[];
  readonly finish: (results: readonly ScoreResult[]) => void;
  readonly fail: (error: Error) => void;
}

export type Job = GenerationJob | ScoringJob;

/**
 * Its limit is all that a request tells of its answer's length.
 * @param meanAnswer tokens of an answer as they have been so far; null before the first
 */
export function makeGeneration(request: GenerateRequest, meanAnswer: number | null): GenerationJob {
  const { promptTokens, maxNewTokens } = request;
  return {
    kind: 'generation',
    request,
    sequences: 1,
    promptTokens: promptTokens.length,
    newTokens: Math.max(1, Math.min(maxNewTokens, Math.round(meanAnswer ?? maxNewTokens))),
  };
}

export function makeScoring(
  requests: readonly ScoreRequest[],
  { finish, fail }: Pick<ScoringJob, 'finish' | 'fail'>,
): ScoringJob {
  let [promptTokens, newTokens] = [0, 0];
  for (const request of requests) {
    promptTokens += request.promptTokens.length;
    for (const continuation of request.continuations) newTokens += continuation.length;
  }
  const sequences = requests.length;
  return { kind: 'scoring', requests, sequences, promptTokens, newTokens, finish, fail };
}

/** Jobs in the order they came; those that come back go before them. */
export class JobQueue {
  #returned: Job[] = [];
  #waiting: Job[] = [];
  #next = 0;

  get length(): number {
    return this.#returned.length + this.#waiting.length - this.#next;
  }

  push(job: Job): void {
    this.#waiting.push(job);
  }

  /** In front of all others, in their order. */
  putBack(jobs: readonly Job[]): void {
    this.#returned = this.#returned.concat(jobs.toReversed());
  }

  peek(): Job | undefined {
    return this.#returned.at(-1) ?? this.#waiting[this.#next];
  }

  shift(): Job | undefined {
    const returned = this.#returned.pop();
    if (returned !== undefined) return returned;
    const job = this.#waiting[this.#next];
    if (job !== undefined) this.#next++;
    // Removing the first of a long array moves all others: taken ones are let go of when they are half of it.
    if (2 * this.#next >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
    return job;
  }

  /** Takes out all of which this is true. */
  remove(isMeant: (job: Job) => boolean): Job[] {
    const all = [...this.#returned.toReversed(), ...this.#waiting.slice(this.#next)];
    this.#returned = [];
    this.#waiting = all.filter((job) => !isMeant(job));
    this.#next = 0;
    return all.filter(isMeant);
  }
}
