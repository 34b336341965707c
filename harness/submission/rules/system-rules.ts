// Is systems/<system>.json complete, and does it agree with the folders around it?

import type { Division } from '../benchmarks.js';
import { type Finding, findError } from '../finding.js';
import {
  emptySystemFields,
  filledSystemFields,
  systemStatuses,
  systemTypes,
  wholeSystemFields,
} from '../system-description.js';
import { findUnreadable, readObject, tellMissing } from './file-rules.js';

export interface SystemPlace {
  readonly file: string;
  readonly division: Division;
  readonly submitter: string;
}

export function checkSystemFile(place: SystemPlace): Finding[] {
  const fields = readObject(place.file);
  if (typeof fields === 'string') return [findUnreadable(place.file, fields)];
  return fields === null ? [tellMissing(place.file)] : checkSystem(fields, place);
}

/** The fields by themselves; `file` is where they stand. */
export function checkSystem(
  fields: Readonly<Record<string, unknown>>,
  { file, division, submitter }: SystemPlace,
): Finding[] {
  return [
    ...checkPresence(fields, file),
    ...wholeSystemFields.flatMap((key) => checkWhole(fields[key], key, file)),
    ...checkAllowed(fields.status, 'status', systemStatuses, file),
    ...checkAllowed(fields.system_type, 'system_type', systemTypes, file),
    ...checkAllowed(fields.division, 'division', [division], file),
    ...checkAllowed(fields.submitter, 'submitter', [submitter], file),
    ...(division !== 'network' && 'is_network' in fields
      ? [tellNetwork(fields.is_network, file)]
      : []),
  ];
}

function checkPresence(fields: Readonly<Record<string, unknown>>, file: string): Finding[] {
  const tell = (key: string, required: string, why: string) => {
    const value = fields[key] === undefined ? null : JSON.stringify(fields[key]);
    return findError('missing-field', { file }, { value, required: `"${key}" ${required}`, why });
  };
  return [
    ...filledSystemFields
      .filter((key) => !fields[key])
      .map((key) =>
        tell(key, 'with a text', 'MLCommons\' checker takes 0 for nothing; write "0" or "N/A".'),
      ),
    ...emptySystemFields
      .filter((key) => fields[key] === undefined)
      .map((key) =>
        tell(key, '(it may be empty)', 'Every system is described by the same fields.'),
      ),
  ];
}

function checkWhole(value: unknown, key: string, file: string): Finding[] {
  if (!value || /^\d+$/.test(String(value).trim())) return [];
  const why = "MLCommons' checker ends with a traceback while it writes its table.";
  const required = `"${key}" with a whole number`;
  return [findError('bad-field', { file }, { value: JSON.stringify(value), required, why })];
}

function checkAllowed(
  value: unknown,
  key: string,
  allowed: readonly string[],
  file: string,
): Finding[] {
  const isAllowed = allowed.some((text) => text.toLowerCase() === String(value).toLowerCase());
  if (!value || isAllowed) return [];
  const required = `"${key}" ${allowed.map((text) => `"${text}"`).join(', ')}`;
  const why =
    allowed.length === 1 ? 'The folder around it has that name.' : 'No other value is known.';
  return [findError('bad-field', { file }, { value: JSON.stringify(value), required, why })];
}

function tellNetwork(value: unknown, file: string): Finding {
  const why = 'Any value, false too, makes twelve fields of the network division mandatory.';
  const required = 'no "is_network" outside the network division';
  return findError('bad-field', { file }, { value: JSON.stringify(value), required, why });
}
