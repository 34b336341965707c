// How are workers made to fail? Reads the setting engine.fault, which tests of what comes after are made with; a run that has
// it measures nothing (run-record.ts). When a fault counted in samples is due, is fault-trigger.ts's business.

import { type DeviceName, type FaultKind, faultKinds } from '../native/index.js';
import { type Field, optionalText, quote } from './setting-fields.js';

/** One worker's. */
export interface WorkerFault {
  readonly worker: number;
  readonly kind: FaultKind;
  /** Of those that compute the worker's model together; null: the thread that steps, which is the first one's. */
  readonly rank: number | null;
  /** A step of the worker's engine, counted from the load; or samples that all workers have answered in a pass. */
  readonly after: { readonly unit: 'step' | 'samples' | 'percent'; readonly count: number };
}

const forms = `worker=N, one of step=N, after=N (samples answered in a pass) and after=N%, and kind=${faultKinds.join('|')} and rank=N where wanted, with commas between; several faults with semicolons between`;
const names = ['worker', 'step', 'after', 'kind', 'rank'];

/** @returns the faults, or why there are none. */
export function parseFaults(text: string): readonly WorkerFault[] | string {
  const faults: WorkerFault[] = [];
  for (const part of text.split(';')) {
    const fault = parseFault(part);
    if (fault === null) return `is ${quote(text)}; allowed: ${forms}`;
    if (faults.some(({ worker }) => worker === fault.worker)) {
      return `is ${quote(text)}, with two faults of worker ${fault.worker}; allowed: one of each`;
    }
    faults.push(fault);
  }
  return faults;
}

/** Any faults as their text, or null. */
export function optionalFaults(): Field<string | null> {
  const field = optionalText();
  return {
    check(setting, key, faults) {
      const text = field.check(setting, key, faults);
      const refusal = text === null ? null : parseFaults(text);
      if (typeof refusal !== 'string') return text;
      faults.push({ where: setting!.where, message: `${key} ${refusal}` });
      return null;
    },
  };
}

/** Of a setting that was checked. */
export function readFaults(text: string | null): readonly WorkerFault[] {
  const faults = text === null ? [] : parseFaults(text);
  if (typeof faults === 'string') throw new Error(`engine.fault was not checked: it ${faults}`);
  return faults;
}

/** Why these workers cannot fail so, or null. */
export function refuseFaults(
  text: string,
  groups: readonly (readonly DeviceName[])[],
  scenario: string,
): string | null {
  const refuse = (reason: string) => `engine.fault is ${quote(text)}${reason}`;
  for (const { worker, rank, kind, after } of readFaults(text)) {
    const devices = groups[worker];
    const upTo = (most: number) => (most === 0 ? '0' : `0 to ${most}`);
    if (devices === undefined) {
      return refuse(`: there is no worker ${worker}; allowed: ${upTo(groups.length - 1)}`);
    }
    if ((rank ?? 0) >= devices.length) {
      const most = upTo(devices.length - 1);
      return refuse(`: worker ${worker} has no rank ${rank}; allowed: ${most}`);
    }
    if (kind === 'device-fault' && devices[0] === 'cpu') {
      const others = faultKinds.filter((other) => other !== kind).join(', ');
      return refuse(`, and worker ${worker} is on the CPU; allowed there: kind=${others}`);
    }
    if (after.unit === 'percent' && scenario !== 'Offline') {
      return refuse(`, and ${scenario} does not know its samples before; allowed there: after=N`);
    }
  }
  return null;
}

function parseFault(text: string): WorkerFault | null {
  const given = new Map<string, string>();
  for (const pair of text.split(',')) {
    const [, name, value] = /^\s*(\w+)=(\S+)\s*$/.exec(pair) ?? [];
    if (name === undefined || !names.includes(name) || given.has(name)) return null;
    given.set(name, value!);
  }
  const count = (name: string) => readCount(given.get(name), 0);
  const kind = faultKinds.find((known) => known === (given.get('kind') ?? 'exception'));
  const after = given.has('step') === given.has('after') ? null : readMoment(given);
  const [worker, rank] = [count('worker'), count('rank')];
  if (kind === undefined || after === null || worker === null) return null;
  if (given.has('rank') && rank === null) return null;
  return { worker, kind, rank, after };
}

function readMoment(given: ReadonlyMap<string, string>): WorkerFault['after'] | null {
  const percent = /^(\d{1,2})%$/.exec(given.get('after') ?? '')?.[1];
  const unit = given.has('step') ? 'step' : percent === undefined ? 'samples' : 'percent';
  const count = readCount(percent ?? given.get('step') ?? given.get('after'), 1);
  return count === null ? null : { unit, count };
}

function readCount(text: string | undefined, least: number): number | null {
  if (text === undefined || !/^\d{1,9}$/.test(text)) return null;
  return Number(text) < least ? null : Number(text);
}
