// The system template as a submitter would fill it in.

import { filledSystemFields } from '../../../harness/submission/system-description.js';

/** @param template what `bench package --print-system-template` prints. */
export function fillSystem(template: string): string {
  const system = JSON.parse(template) as Record<string, string>;
  for (const key of filledSystemFields) if (system[key] === '') system[key] = 'N/A';
  const known = { division: '', submitter: '', status: 'available', system_type: 'datacenter' };
  const measurements = { input_data_types: 'int32', retraining: 'No' };
  return JSON.stringify({ ...system, ...known, measurements });
}
