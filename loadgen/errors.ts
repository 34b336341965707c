// The coded error by which LoadGen refuses a test before it starts; faults during a test are log entries instead.

/** Why a test was refused. */
export type LoadgenErrorCode =
  /** A setting has a value outside its range. */
  | 'invalid-setting'
  /** A setting asks for something this LoadGen does not do. */
  | 'unsupported-setting'
  /** The sample library reports counts that no test can use. */
  | 'invalid-library'
  /** On the virtual clock: samples are outstanding and nothing is left that could answer them. */
  | 'stalled';

/** An error a caller can act on by its code. */
export class LoadgenError extends Error {
  readonly code: LoadgenErrorCode;

  constructor(code: LoadgenErrorCode, message: string) {
    super(message);
    this.name = 'LoadgenError';
    this.code = code;
  }
}
