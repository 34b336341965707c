// What a person reads from `bench doctor`: one fact a line.

import pc from 'picocolors';
import type { DoctorReport } from '../commands/doctor.js';

/** The whole text, last newline included. */
export function formatDoctorReport(report: DoctorReport, useColor: boolean): string {
  const { system, engine } = report;
  const colors = pc.createColors(useColor);
  const gibibytes = (system.memoryBytes / 2 ** 30).toFixed(1);
  const rows: [string, string][] = [
    ['loadmark', report.version],
    ['machine', `${system.cpu}, ${system.cores} cores, ${gibibytes} GiB, ${system.os}`],
    ['node', system.node],
    ...report.tools.map(({ name, version, advice }): [string, string] => [
      name,
      version ?? colors.yellow(`not found; ${advice ?? ''}`),
    ]),
    [
      'CPU backend',
      engine.works ? colors.green(report.backends.cpu) : colors.red(report.backends.cpu),
    ],
    ['instructions', engine.instructionSets.join(', ') || 'unknown: the engine is not there'],
    ...engine.models.map((model): [string, string] => ['model', model]),
    ['CUDA backend', report.backends.cuda],
    ...system.gpus.map((gpu): [string, string] => ['GPU', `${gpu.name}, driver ${gpu.driver}`]),
  ];
  const { cache } = report;
  rows.push(['cache', `${cache.folder} (bench pull fills it from ${cache.endpoint})`]);
  for (const model of cache.models) rows.push(['pulled model', model]);
  for (const dataset of cache.datasets) rows.push(['dataset', dataset]);
  if (!engine.works) rows.push(['to do', 'install what is missing above, then: npm run build']);
  return `${rows.map(([name, value]) => `${name.padEnd(14)}${value}`).join('\n')}\n`;
}
