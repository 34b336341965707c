// The relations between figures hold in every log that MLCommons' own LoadGen wrote, whatever the run was.
import { expect, test } from 'vitest';
import { parseDetailLog } from '../../../../harness/submission/detail-log.js';
import { checkFigures } from '../../../../harness/submission/rules/figure-rules.js';
import { hasGolden, listGolden, readGolden } from '../../../loadgen/golden.js';

interface Entry {
  readonly key: string;
  readonly raw_value: string;
  readonly is_error: boolean;
}

const names = listGolden('runs').filter((name) => hasGolden('runs', name, 'detail_stable.json'));

function readLog(name: string) {
  const rows = readGolden<Entry[]>('runs', name, 'detail_stable.json').map(
    ({ key, raw_value, is_error }) =>
      `:::MLLOG {"key": "${key}", "value": ${raw_value}, "metadata": {"is_error": ${is_error}}}`,
  );
  return parseDetailLog(rows.join('\n'));
}

test.each(names)('%s', (name) => {
  expect(checkFigures(readLog(name), 'log')).toEqual([]);
});

test('most of these logs are looked at', () => {
  const judged = names.filter((name) => {
    const log = readLog(name);
    return log.find('result_validity') !== null && !log.entries.some(({ isError }) => isError);
  });
  expect(judged.length).toBeGreaterThan(20);
});
