// What a person reads after `bench score`: the lines of the benchmark's own script, and what stands behind them.

import type { ScoreRecord } from '../commands/score.js';

/** The whole text, last newline included. */
export function formatScoreReport(record: ScoreRecord, text: string): string {
  const { metrics, standardErrors, samplesOfBenchmark, repeatedRecords } = record;
  const { specialTokens, targets } = record;
  const lines = [
    text.trimEnd(),
    '',
    `${record.benchmark}: ${metrics.genNum} of ${samplesOfBenchmark} samples, ${record.tokenType} tokens; sentences by ${record.sentences.rules}, ${record.sentences.model}`,
  ];
  const errors = Object.entries(standardErrors).map(
    ([name, value]) => `${name} ${value.toFixed(4)}`,
  );
  lines.push(
    errors.length > 0
      ? `standard errors over samples: ${errors.join(', ')}`
      : 'standard errors: none of a single sample',
  );
  for (const remark of record.remarks) lines.push(`remark: ${remark}`);
  if (repeatedRecords > 0) {
    lines.push(`${repeatedRecords} records of samples answered before were left out`);
  }
  if (specialTokens > 0) {
    lines.push(
      `${specialTokens} of ${metrics.genTokLen} tokens stand for no text (ends, padding); the counts have them in, as MLCommons' script has`,
    );
  }
  if (targets === null) {
    lines.push('not judged: the references are for all samples of the benchmark');
  } else {
    for (const { metric, value, threshold, upperThreshold, pass } of targets) {
      const band = upperThreshold === null ? `${threshold}` : `${threshold} to ${upperThreshold}`;
      lines.push(`${metric} ${value} (target ${band})  ${pass ? 'pass' : 'FAIL'}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
