// What stands in TEST06's verify_accuracy.txt? The three lines that MLCommons' submission checker searches for.

import {
  type CheckOutcome,
  type ConsistencyCheck,
  type ConsistencyReport,
  consistencyChecks,
} from './output-consistency.js';

const titles: Readonly<Record<ConsistencyCheck, string>> = {
  firstToken: 'First token check',
  endOfSequence: 'EOS check',
  sampleLength: 'Sample length check',
};

const words = {
  passed: 'True',
  failed: 'False',
  skipped: 'Skipped',
} as const satisfies Record<CheckOutcome['status'], string>;

/** The whole file. */
export function formatVerification({ checks }: ConsistencyReport): string {
  return consistencyChecks
    .map((check) => `${titles[check]} pass: ${words[checks[check].status]}\n`)
    .join('');
}
