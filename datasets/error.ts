// How the datasets room says that its input was wrong: a code for programs, a sentence for people.

export type DatasetErrorCode =
  | 'unknown-dataset'
  | 'unknown-split'
  | 'tokenizer-not-found'
  | 'tokenizer-malformed';

export class DatasetError extends Error {
  override readonly name = 'DatasetError';
  constructor(
    readonly code: DatasetErrorCode,
    message: string,
  ) {
    super(message);
  }
}
