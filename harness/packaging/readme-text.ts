// What does a reader of the submission have to be told? How each result was made, by what, and that it is no MLPerf
// result: loadmark wrote the logs, and MLPerf's rules want LoadGen itself.

import { basename } from 'node:path';
import type { RunRecord } from '../run-record.js';
import type { PackedRun } from './packed-run.js';
import type { PlacedResult } from './placement.js';

const disclaimer = [
  'The logs were written by loadmark, in the format of MLCommons LoadGen, and the detail logs say so. The rules of MLPerf',
  "Inference want MLCommons' own LoadGen, so this is not an MLPerf result, whatever a checker says of it.",
];

/** README.md of a result. */
export function formatResultReadme({ benchmark, scenario, ...runs }: PlacedResult): string {
  const { accuracy, performance, audits } = runs;
  const { record } = performance;
  return joinLines([
    `# ${benchmark.name}, ${scenario}`,
    '',
    ...disclaimer,
    '',
    ...(record.clock === 'virtual' ? [virtualNote, ''] : []),
    ...(record.sut?.kind === 'native' ? [] : [sutNote(record), '']),
    `- Model: ${record.model.name}${note('sha256', record.model.digest)}`,
    `- Dataset: ${record.dataset.name}, ${record.dataset.samples} samples, sha256 of its rows ${record.dataset.digest}`,
    `- System under test: ${describeSut(record)}`,
    `- Machine: ${record.system.cpu}, ${record.system.cores} cores, ${record.system.os}`,
    `- loadmark ${record.version}${note('commit', record.commit)}, Node.js ${record.system.node}`,
    ...(scenario === record.scenario
      ? []
      : [`- ${scenario} is LoadGen's ${record.scenario} under limits of its own.`]),
    '',
    '## How it was made',
    '',
    ...(accuracy === performance
      ? describeRun('Accuracy pass, then performance pass', performance)
      : [
          ...describeRun('Accuracy pass', accuracy),
          ...describeRun('Performance pass', performance),
        ]),
    ...[...audits].flatMap(([test, run]) => describeRun(`Audit ${test}`, run)),
    "The accuracy log is truncated to its first and last 4096 characters; accuracy.txt has the whole log's sha256.",
  ]);
}

const virtualNote =
  '**Simulated:** the clock was virtual. Every time in these logs was computed, and none was measured.';

function sutNote({ sut }: RunRecord): string {
  return `**No model was computed:** the system under test is "${sut?.kind ?? 'none'}", which answers without one.`;
}

/** README.md of src/<benchmark>. */
export function formatSourceReadme(benchmark: string, { version, commit }: RunRecord): string {
  return joinLines([
    `# Source of ${benchmark}`,
    '',
    `The benchmark client, the scorers and the native engine are loadmark ${version}${note('commit', commit)}.`,
    'Each result has a README.md with the command it was made by; its settings stand in user.conf beside it and in the',
    'detail logs.',
    '',
    ...disclaimer,
  ]);
}

function describeRun(title: string, { record }: PackedRun): string[] {
  return [
    `${title}, ${record.startedAt}:`,
    '',
    `    ${record.command.map(quoteWord).join(' ')}`,
    '',
  ];
}

/** Folders of the machine are nobody's business; names are. */
function quoteWord(word: string): string {
  const shown = word.startsWith('/') ? basename(word) : word;
  return /^[\w./:=@%+,-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", "'\\''")}'`;
}

function describeSut({ sut, model }: RunRecord): string {
  if (sut === null) return 'unknown';
  const facts = [
    sut.kind,
    ...sut.devices,
    sut.threads === null ? null : `${sut.threads} threads`,
    sut.maxBatch === null ? null : `batch ${sut.maxBatch}`,
    model.weightFormat,
    sut.kvCache === null ? null : `${sut.kvCache.dtype} KV cache`,
  ];
  return facts.filter((fact) => fact !== null && fact !== undefined).join(', ');
}

function note(name: string, value: string | null): string {
  return value === null ? '' : ` (${name} ${value})`;
}

function joinLines(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
