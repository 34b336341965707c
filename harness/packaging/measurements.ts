// What stands in measurements.json? How the weights came to be: what the run tells, and what the submitter says instead.

import type { Fault } from '../errors.js';
import type { PackageRequest } from '../package-options.js';
import type { RunRecord } from '../run-record.js';
import { readObject } from './system-file.js';

export const measurementKeys = [
  'input_data_types',
  'retraining',
  'starting_weights_filename',
  'weight_data_types',
  'weight_transformations',
] as const;

/** Values from the options, the single ones over those of the file; null when a fault was noted instead. */
export function readMeasurements(
  { measurementsFile, measurements }: PackageRequest,
  faults: Fault[],
): Readonly<Record<string, unknown>> | null {
  const written = measurementsFile === null ? {} : readObject(measurementsFile, faults);
  if (written === null) return null;
  for (const [key, value] of Object.entries(written)) {
    if (!measurementKeys.some((known) => known === key)) continue;
    if (typeof value === 'string' && value.trim() !== '') continue;
    const message = `${key} is ${JSON.stringify(value)}; allowed: a text that is not empty, such as "No"`;
    faults.push({ where: measurementsFile ?? '--measurements', message });
  }
  return { ...written, ...measurements };
}

/** The whole file. */
export function formatMeasurements(
  record: RunRecord,
  given: Readonly<Record<string, unknown>>,
): string {
  return `${JSON.stringify({ ...deriveMeasurements(record), ...given }, null, 2)}\n`;
}

function deriveMeasurements({ model, sut }: RunRecord): Record<string, string> {
  const format = model.weightFormat;
  const unread = `N/A (the ${sut?.kind ?? 'missing'} system under test reads no weights)`;
  return {
    input_data_types: 'int32',
    retraining: 'No',
    starting_weights_filename: format === null ? unread : model.name,
    weight_data_types: format ?? unread,
    weight_transformations: format === null ? unread : nameTransformation(format),
  };
}

function nameTransformation(format: string): string {
  return /int4|int8|nf4|fp8|gptq/i.test(format) ? `quantization (${format})` : 'none';
}
