// The defaults against LoadGen's own.

import { expect, test } from 'vitest';
import { defaultSettings, officialSeeds } from '../../loadgen/index.js';
import { countCases, readGolden, settingName, settingsFromGolden } from './golden.js';

test('defaults are LoadGen’s', () => {
  const golden = readGolden<{ settings: Record<string, unknown> }>('config/struct_defaults.json');
  const theirs = settingsFromGolden(golden.settings, ['mode', 'scenario']);
  expect(theirs).toEqual(defaultSettings);
  expect(golden.settings.mode).toBe(2);
  const theirNames = Object.keys(golden.settings).map(settingName);
  const more = Object.keys(defaultSettings).filter((name) => !theirNames.includes(name as never));
  const own = ['issueLagShareLimit', 'sampleSetOrder', 'singleStreamConcurrency'];
  const expected = golden.settings.scenario === undefined ? ['scenario', ...own] : own;
  expect(more.sort()).toEqual(expected.sort());
  countCases('default settings', Object.keys(golden.settings).length);
});

test('official seeds keep all 64 bits', () => {
  expect(officialSeeds('v5.1').scheduleRngSeed).toBe(18209322760996052031n);
});
