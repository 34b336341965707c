// How the datasets room says that its input was wrong: a code for programs, a sentence for people.

export type DatasetErrorCode =
  | 'unknown-dataset'
  | 'unknown-split'
  | 'dataset-not-found'
  | 'dataset-malformed'
  | 'tokenizer-not-found'
  | 'tokenizer-malformed'
  | 'chat-template';

/** A place of a dataset's file where there is no row, or none that can be read. */
export interface RowFault {
  /** Of a file of text, counted from 1. */
  readonly line?: number;
  /** In that line, in characters, counted from 1. */
  readonly column?: number;
  /** Of a table or a list, counted from 0. */
  readonly row?: number;
  readonly message: string;
  /** Where a dataset has several. */
  readonly file?: string;
}

export class DatasetError extends Error {
  override readonly name = 'DatasetError';
  constructor(
    readonly code: DatasetErrorCode,
    message: string,
    /** For 'dataset-malformed': every place that is wrong; none where the file as a whole is. */
    readonly rowFaults: readonly RowFault[] = [],
  ) {
    super(message);
  }
}

/** Why a file cannot be read, the operating system's usual codes in words. */
export function fileReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'ENOENT') return 'it does not exist';
  if (code === 'EISDIR') return 'it is a folder and not a file';
  if (code === 'EACCES') return 'this user may not';
  return error instanceof Error ? error.message : String(error);
}
