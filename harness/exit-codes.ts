// What the exit status of `bench` says. One name a status; nothing else in the house writes these numbers.

export const exitCodes = {
  /** Valid, and on target where there is one. */
  ok: 0,
  /** Asked for something that cannot be done; nothing was started. */
  badInput: 2,
  /** The run ended, and LoadGen's rules call it INVALID. */
  invalid: 3,
  /** The run is valid, an accuracy metric is below its target. */
  belowTarget: 4,
  /** The system under test could not be started, broke, or left a sample unanswered. */
  sutFailed: 5,
  /** What was checked has errors. */
  checkFailed: 6,
  /** An audit found answers that do not hold together. */
  auditFailed: 7,
  /** What was to be fetched is not here, or not what it should be. */
  notFetched: 8,
  /** Runs that cannot be compared in what was asked. */
  notComparable: 9,
  /** A regression is shown, or a claim that does not follow from the runs. */
  regression: 10,
  /** A file could not be written: its file system is full, over its quota, or failing. */
  notWritten: 11,
  /** Ctrl-C or SIGTERM. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
