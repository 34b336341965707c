// Was anything measured? loadmark runs systems that compute nothing, and clocks that nobody waited for: such a result is
// for trying things out, and says so in its descriptions and in its log.

import { type Finding, findWarning } from '../finding.js';
import { type Result, readText } from '../result.js';
import { readObject } from './file-rules.js';

/** Systems under test that answer without a model. */
export const scriptedSystems = ['null', 'scripted'] as const;

/** measurements.json's field of a packaged simulation; its text says what was simulated. */
export const simulationField = 'loadmark_simulated';

export function tellSimulated(file: string, value: string, line: number | null = null): Finding {
  const required = 'times of a system that computes, by a real clock';
  const why = 'Nothing was measured: such a result is for trying things out.';
  return findWarning('simulated-run', { file, line }, { value, required, why });
}

/** Looks at everything that `bench package` leaves; one finding a result. */
export function checkSimulation({
  folder,
  performance,
  accuracy,
  isSubmission,
}: Result): Finding[] {
  // A run of loadmark says it in its run.json.
  if (!isSubmission) return [];
  const fields = readObject(folder.measurements);
  const field = fields === null || typeof fields === 'string' ? undefined : fields[simulationField];
  if (field !== undefined) return [tellSimulated(folder.measurements, String(field))];
  const rows = (readText(folder.readme) ?? '').split('\n');
  const row = rows.findIndex((text) => /^- clock: virtual\b|: nothing was computed$/.test(text));
  if (row >= 0) return [tellSimulated(folder.readme, rows[row]!.slice(2), row + 1)];
  for (const name of ['performance', 'accuracy'] as const) {
    const log = name === 'performance' ? performance : accuracy;
    const isOurs = log?.text('loadgen_version')?.endsWith('@ loadmark') === true;
    const entry = log?.find('sut_name') ?? null;
    if (!isOurs || !scriptedSystems.some((system) => system === entry?.value)) continue;
    return [tellSimulated(folder[name]('detail'), `sut_name ${String(entry!.value)}`, entry!.line)];
  }
  return [];
}
