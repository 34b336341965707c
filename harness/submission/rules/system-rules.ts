// Is systems/<system>.json complete, and does it agree with the folders around it?

import type { Division, SystemType } from '../benchmarks.js';
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
    ...checkType(fields.system_type, file),
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
      .filter((key) => !isFilled(fields[key]))
      .map((key) => {
        const allowed = allowedValues.get(key);
        return allowed === undefined
          ? tell(key, 'with a text', 'MLCommons\' checker takes 0 for nothing; write "0" or "N/A".')
          : tell(key, listAllowed(allowed), 'No other value is known.');
      }),
    ...emptySystemFields
      .filter((key) => fields[key] === undefined)
      .map((key) =>
        tell(key, '(it may be empty)', 'Every system is described by the same fields.'),
      ),
  ];
}

/** Fields whose texts are prescribed. */
const allowedValues = new Map<string, readonly string[]>([
  ['status', systemStatuses],
  ['system_type', systemTypes],
]);

function listAllowed(texts: readonly string[]): string {
  return `of ${texts.map((text) => `"${text}"`).join(', ')}`;
}

/** A text or a number other than 0. */
function isFilled(value: unknown): boolean {
  return typeof value === 'string' ? value.trim() !== '' : typeof value === 'number' && value !== 0;
}

/** Unlike the other words this one is compared letter by letter. */
function checkType(value: unknown, file: string): Finding[] {
  if (!value || systemTypes.some((type) => type === value)) return [];
  const required = `"system_type" ${systemTypes.map((type) => `"${type}"`).join(', ')}`;
  const why = 'Which benchmarks and scenarios a system has to bring is decided by it.';
  return [findError('bad-field', { file }, { value: JSON.stringify(value), required, why })];
}

/** The types of a system that its description names; none where it says nothing usable. */
export function readSystemTypes(file: string): SystemType[] {
  const fields = readObject(file);
  if (typeof fields === 'string' || fields === null) return [];
  const named = String(fields.system_type).split(',');
  return (['datacenter', 'edge'] as const).filter((type) => named.includes(type));
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
