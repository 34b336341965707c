// What a person reads after `bench quantize`: each linear's loss by round-to-nearest and by GPTQ on the same inputs, and
// what the whole came to. Every number stands in quantize_report.json too.

import type { QuantizedLinear, QuantizeReport } from '../../native/index.js';

/** A share as a percentage of three digits; a dash where it was not measured. */
export function formatShare(share: number | null): string {
  return share === null ? '-' : `${(100 * share).toPrecision(3)} %`;
}

/** "layer 2/6  output error 0.412 % (rtn 1.03 %)  1.3 s": the mean over a layer's linears. */
export function formatLayer(
  linears: readonly QuantizedLinear[],
  layer: number,
  layers: number,
): string {
  const own = linears.filter((linear) => linear.layer === layer);
  const seconds = own.reduce((sum, linear) => sum + linear.seconds, 0).toFixed(1);
  const rtn = mean(own.map((linear) => linear.rtnOutputError));
  const gptq = mean(own.map((linear) => linear.gptqOutputError));
  const error =
    gptq !== null
      ? `output error ${formatShare(gptq)} (rtn ${formatShare(rtn)})`
      : rtn !== null
        ? `output error ${formatShare(rtn)}`
        : `weight error ${formatShare(mean(own.map((linear) => linear.rtnWeightError)))}`;
  return `layer ${layer + 1}/${layers}  ${error}  ${seconds} s`;
}

/** The whole text, last newline included. */
export function formatQuantizeTable(report: QuantizeReport, damp: number, folder: string): string {
  const header = ['linear', 'shape', 'weight rtn', 'output rtn', 'output gptq', 'gptq/rtn'];
  const rows = report.linears.map((linear) => [
    linear.name,
    `${linear.outputs} x ${linear.inputs}`,
    formatShare(linear.rtnWeightError),
    formatShare(linear.rtnOutputError),
    formatShare(linear.gptqOutputError),
    formatRatio(linear),
  ]);
  const table = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
      )
      .join('  '),
  );
  return [...lines, '', ...formatTotals(report, damp), `Files  ${folder}`, ''].join('\n');
}

function formatTotals(report: QuantizeReport, damp: number): string[] {
  const { linears, sequences, tokens, sourceBytes, linearBytes } = report;
  const ratio = (sourceBytes / linearBytes).toFixed(2);
  const lines = [
    `${linears.length} linears, ${megabytes(sourceBytes)} -> ${megabytes(linearBytes)} (${ratio} x smaller)`,
  ];
  if (sequences > 0) lines.push(`measured on ${sequences} calibration texts, ${tokens} tokens`);
  const compared = linears.filter((linear) => linear.gptqOutputError !== null);
  if (compared.length > 0) {
    const lower = compared.filter((linear) => linear.gptqOutputError! < linear.rtnOutputError!);
    lines.push(`gptq loses less than rtn in ${lower.length} of ${compared.length} linears`);
  }
  const raised = linears.filter((linear) => linear.damp > damp).length;
  if (raised > 0)
    lines.push(`damping had to be raised for ${raised} linears (quantize_report.json)`);
  return lines;
}

function formatRatio({ gptqOutputError, rtnOutputError }: QuantizedLinear): string {
  if (gptqOutputError === null || rtnOutputError === null || rtnOutputError === 0) return '-';
  return (gptqOutputError / rtnOutputError).toFixed(3);
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}
