// bench check on a tree that MLCommons' own checker calls OK, made by hand by other people's rules.

import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkFolder } from '../../../harness/submission/check.js';
import { parseDetailLog } from '../../../harness/submission/detail-log.js';
import { SubmitterFolder } from '../../../harness/submission/submission-tree.js';
import { truncate } from './good-tree.js';

const example = resolve(import.meta.dirname, '../../golden/checker/open-llama2-v6.0');
const scratch = mkdtempSync(join(tmpdir(), 'loadmark-example-'));
afterAll(() => rmSync(scratch, { recursive: true }));

function rulesOf(root: string, severity: 'error' | 'warning'): string[] {
  const { findings } = checkFolder(root, { round: 'v6.0', benchmark: null });
  return findings.filter((finding) => finding.severity === severity).map(({ rule }) => rule);
}

/** A copy with summaries, and an accuracy log of one record for each of the rows, cut and hashed as it should be. */
function repair(name: string): SubmitterFolder {
  const root = join(scratch, name);
  cpSync(example, root, { recursive: true });
  const place = new SubmitterFolder(root, 'open', 'ExampleOrg');
  const result = place.result('fake_gpu_box', 'llama2-70b-99', 'Offline');
  const records = Array.from(
    { length: 24_576 },
    (_, i) =>
      `{ "seq_id" : ${i}, "qsl_idx" : ${i}, "data" : "0100000002000000", "token_count" : 2 }`,
  );
  const log = `[\n${records.join(',\n')}\n]\n`;
  writeFileSync(result.accuracy('accuracy'), truncate(log));
  const hash = createHash('sha256').update(log).digest('hex');
  const text = readFileSync(result.accuracyText, 'utf8').replace(/hash=\w+/, `hash=${hash}`);
  writeFileSync(result.accuracyText, text);
  // The example's summaries are a line that says that nobody reads them.
  for (const pass of ['performance', 'accuracy'] as const) {
    const detail = parseDetailLog(readFileSync(result[pass]('detail'), 'utf8'));
    const lines = [
      `SUT name : ${detail.text('sut_name')}`,
      `Scenario : ${detail.text('effective_scenario')}`,
      `Result is : ${detail.text('result_validity')}`,
      'No errors encountered during test.',
    ];
    writeFileSync(result[pass]('summary'), `${lines.join('\n')}\n`);
  }
  return place;
}

test('with an accuracy log of every row it has no error', () => {
  const { path } = repair('repaired');
  expect(rulesOf(resolve(path, '../..'), 'error')).toEqual([]);
});

test('a folder of its own name stands for the benchmark that the mapping says', () => {
  const place = repair('mapped');
  const root = resolve(place.path, '../..');
  const [official, own] = ['llama2-70b-99', 'my-llama'].map((name) =>
    join(place.results, 'fake_gpu_box', name),
  );
  cpSync(official!, own!, { recursive: true });
  expect(rulesOf(root, 'error')).toEqual(['unknown-benchmark']);
  writeFileSync(place.modelMapping, '{ "my-llama": "llama2-70b-99.9" }');
  expect(rulesOf(root, 'error')).toEqual([]);
  writeFileSync(place.modelMapping, '{ "my-llama": "llama9" }');
  expect(rulesOf(root, 'error')).toEqual(['unknown-benchmark', 'unknown-benchmark']);
});

test('what lies beside the divisions is refused, and a system without a result warned of', () => {
  const place = repair('strangers');
  const root = resolve(place.path, '../..');
  cpSync(place.source, join(root, 'elsewhere'), { recursive: true });
  cpSync(place.system('fake_gpu_box'), place.system('other'));
  expect(rulesOf(root, 'error')).toEqual(['unknown-folder']);
  const warnings = rulesOf(root, 'warning').filter((rule) => rule !== 'other-writer');
  expect(warnings).toEqual(['unused-system']);
});
