// How is the system described? Reads the submitter's file and checks it by MLCommons' fields, and writes a new one with
// what this machine tells of itself.

import { basename } from 'node:path';
import { readText } from '../config-files.js';
import type { System } from '../environment.js';
import { type Fault, InputError, messageOf } from '../errors.js';
import { isFolderName, type PackageRequest } from '../package-options.js';
import {
  emptySystemFields,
  filledSystemFields,
  systemStatuses,
  systemTypes,
  wholeSystemFields,
} from '../submission/system-description.js';

export interface SystemFile {
  /** The system's folder. */
  readonly name: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** null when a fault was noted instead. */
export function readSystemFile(request: PackageRequest, faults: Fault[]): SystemFile | null {
  const { systemFile: file, division, submitter } = request;
  if (file === '') return null;
  const name = basename(file, '.json');
  const found: Fault[] = [];
  if (!isFolderName(name)) {
    const message = `its name "${basename(file)}" names the system; allowed: letters, digits and . _ + -, then .json`;
    found.push({ where: file, message });
  }
  const written = readObject(file, found);
  const fields = written === null ? {} : fillIn(written, { division, submitter });
  if (written !== null) found.push(...findFieldFaults(fields, { division, submitter }, file));
  faults.push(...found);
  return found.length > 0 ? null : { name, fields };
}

/** A JSON object from a file; null when a fault was noted instead. */
export function readObject(
  file: string,
  faults: Fault[],
): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(readText(file, file));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
    faults.push({ where: file, message: 'is no JSON object; allowed: names with values' });
  } catch (error) {
    if (error instanceof InputError) faults.push(...error.faults);
    else faults.push({ where: file, message: `is not JSON: ${messageOf(error)}` });
  }
  return null;
}

/** What the command line says already need not be said twice. */
function fillIn(
  written: Readonly<Record<string, unknown>>,
  known: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  const missing = Object.entries(known).filter(([key]) => (written[key] ?? '') === '');
  return { ...written, ...Object.fromEntries(missing) };
}

function findFieldFaults(
  fields: Readonly<Record<string, unknown>>,
  known: Readonly<Record<string, string>>,
  file: string,
): Fault[] {
  const lists = [
    ['lacks', [...filledSystemFields, ...emptySystemFields].filter((key) => !(key in fields))],
    ['leaves empty', filledSystemFields.filter((key) => key in fields && isEmpty(fields[key]))],
  ] as const;
  const faults = lists.flatMap(([what, keys]): Fault[] => {
    if (keys.length === 0) return [];
    const hint = what === 'lacks' ? 'all 35 keys' : 'a text, such as "N/A" or "0"';
    return [{ where: file, message: `${what} ${keys.join(', ')}; wanted: ${hint}` }];
  });
  for (const [key, value] of Object.entries(fields)) {
    const wanted = refuseValue(key, value, known);
    if (wanted === null) continue;
    faults.push({ where: file, message: `${key} is ${JSON.stringify(value)}; allowed: ${wanted}` });
  }
  return faults;
}

function isEmpty(value: unknown): boolean {
  return value === null || (typeof value === 'string' && value.trim() === '');
}

/** What would be allowed in its place, or null. */
function refuseValue(
  key: string,
  value: unknown,
  known: Readonly<Record<string, string>>,
): string | null {
  if (isEmpty(value)) return null;
  // A number 0 or false counts as nothing for MLCommons' checker.
  if (Number.isSafeInteger(value) && (value as number) > 0) return null;
  if (typeof value !== 'string') return 'a text in quotation marks';
  // The checker's table has no way to write them.
  if (/["\n\r]/.test(value)) return 'a text of one line without quotation marks';
  const isOneOf = (choices: readonly string[]) =>
    choices.includes(value.toLowerCase()) ? null : choices.join(', ');
  if (key === 'status') return isOneOf(systemStatuses);
  if (key === 'system_type') return isOneOf(systemTypes);
  if (key === 'is_network') return 'no such key, whatever its value, outside the network division';
  if (wholeSystemFields.some((name) => name === key)) {
    return /^\d+$/.test(value) ? null : 'a whole number in quotation marks';
  }
  const wanted = known[key];
  if (wanted === undefined || wanted.toLowerCase() === value.toLowerCase()) return null;
  return `"${wanted}", as the option says, or ""`;
}

/** All 35 fields, those filled that this machine tells of itself. */
export function describeForTemplate(system: System, version: string): Record<string, string> {
  const { gpus, cpu, cores, memoryBytes, os, node } = system;
  const [gpu] = gpus;
  const gibibytes = (bytes: number) => `${Math.round(bytes / 2 ** 30)} GiB`;
  const absent = gpu === undefined ? 'N/A' : '';
  const driver = gpu === undefined ? [] : [`NVIDIA driver ${gpu.driver}`];
  const filled: Readonly<Record<string, string>> = {
    number_of_nodes: '1',
    host_processor_model_name: cpu,
    host_processor_core_count: String(cores),
    host_memory_capacity: gibibytes(memoryBytes),
    accelerators_per_node: String(gpus.length),
    accelerator_model_name: gpu?.name ?? absent,
    accelerator_memory_capacity: gpu === undefined ? absent : gibibytes(gpu.memoryBytes),
    accelerator_host_interconnect: absent,
    accelerator_memory_configuration: absent,
    accelerator_interconnect: absent,
    framework: `loadmark ${version}`,
    operating_system: os,
    other_software_stack: [`Node.js ${node}`, ...driver].join(', '),
  };
  const keys = [...filledSystemFields, ...emptySystemFields];
  // Names of processors and systems come from outside; a quotation mark would be refused later.
  return Object.fromEntries(keys.map((key) => [key, (filled[key] ?? '').replaceAll('"', '')]));
}

/** Fields that a description must not leave empty, and does. */
export function listEmptyFields(fields: Readonly<Record<string, unknown>>): string[] {
  return filledSystemFields.filter((key) => isEmpty(fields[key] ?? null));
}
