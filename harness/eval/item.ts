// What an evaluation asks, item by item, whatever the task: texts to weigh, to walk through or to continue, with what is
// right. Tokens are token-requests.ts's business, scores are judge.ts's.

/** A continuation whose log-probability after its context is asked. */
export interface TextRequest {
  readonly context: string;
  readonly continuation: string;
}

interface ItemBase {
  /** Unique within an evaluation: task and position. */
  readonly id: string;
  /** The task as lm-evaluation-harness calls it, "mmlu_anatomy". */
  readonly task: string;
}

/** A question answered by the most probable of several continuations. */
export interface ChoiceItem extends ItemBase {
  readonly kind: 'choice';
  readonly requests: readonly TextRequest[];
  /** Characters of each choice: what acc_norm divides by. Empty where the task has no acc_norm. */
  readonly lengths: readonly number[];
  /** Index into `requests`. */
  readonly answer: number;
}

/** A text whose whole log-probability is asked, in windows as long as the model reads. */
export interface RollingItem extends ItemBase {
  readonly kind: 'rolling';
  readonly text: string;
  /** What the log-probability is shared by. */
  readonly words: number;
  readonly bytes: number;
}

/** A prompt continued until a stop string, and the text whose number is right. */
export interface GenerationItem extends ItemBase {
  readonly kind: 'generation';
  readonly prompt: string;
  readonly until: readonly string[];
  readonly maxNewTokens: number;
  readonly target: string;
}

/** A window of a perplexity protocol: already tokens. */
export interface WindowItem extends ItemBase {
  readonly kind: 'window';
  /** What is read and not counted. */
  readonly prompt: Int32Array;
  readonly continuation: Int32Array;
}

export type EvalItem = ChoiceItem | RollingItem | GenerationItem | WindowItem;
