// One test, told top to bottom.

import type { QuerySampleLibrary, SystemUnderTest } from './contracts.js';
import { LoadgenError } from './errors.js';
import type { TestOptions, TestOutcome } from './outcome.js';
import type { TestSettings } from './settings.js';

/** Runs one test and hands back its outcome; only refusals throw. */
export async function startTest(
  sut: SystemUnderTest,
  _library: QuerySampleLibrary,
  settings: TestSettings,
  _options: TestOptions,
): Promise<TestOutcome> {
  throw new LoadgenError(
    'unsupported-scenario',
    `${settings.scenario} on ${sut.name} is not implemented.`,
  );
}
