// How the datasets room says that its input was wrong: a code for programs, a sentence for people.

export type DatasetErrorCode =
  | 'unknown-dataset'
  | 'unknown-split'
  | 'dataset-not-found'
  | 'dataset-malformed'
  | 'tokenizer-not-found'
  | 'tokenizer-malformed';

/** A line of a dataset's file that is not a row. */
export interface LineFault {
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
  /** Where a dataset has several. */
  readonly file?: string;
}

export class DatasetError extends Error {
  override readonly name = 'DatasetError';
  constructor(
    readonly code: DatasetErrorCode,
    message: string,
    /** For 'dataset-malformed': every line that is wrong. */
    readonly lineFaults: readonly LineFault[] = [],
  ) {
    super(message);
  }
}
