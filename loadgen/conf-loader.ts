// In which order do configuration files apply, and what does LoadGen hold against them? The round's own file comes before
// the first user.conf and only then; audits come inside startTest. Reading files from disk is the caller's business.

import type { Clock } from './clock.js';
import { type ConfFault, ConfFile } from './conf-file.js';
import { applyConf, type ConfKind } from './conf-settings.js';
import type { LoggedFault } from './outcome.js';
import type { TestSettings } from './settings.js';

/** LoadGen's return codes: done, no such file (-ENOENT), not in the grammar (-EINVAL). */
export type ConfCode = 0 | -2 | -22;

/** A configuration file as found. */
export interface ConfSource {
  /** As messages show it. */
  readonly name: string;
  /** null when the file cannot be opened. */
  readonly text: string | null;
}

/** What a file came to; on a code other than 0 none of it was applied. */
export interface ConfLoad {
  readonly settings: TestSettings;
  readonly code: ConfCode;
  readonly faults: readonly ConfFault[];
  /** LoadGen's own words, all of them error_invalid_config. */
  readonly complaints: readonly string[];
}

/** Reads and applies one file. */
export function loadConf(
  settings: TestSettings,
  source: ConfSource,
  kind: ConfKind,
  model: string,
): ConfLoad {
  if (source.text === null) {
    return { settings, code: -2, faults: [], complaints: [`can't open file ${source.name}`] };
  }
  const file = new ConfFile(source.text);
  if (file.faults.length > 0) {
    return { settings, code: -22, faults: file.faults, complaints: file.faults.map(complaintOf) };
  }
  return { ...applyConf(settings, file, kind, model), code: 0, faults: [] };
}

function complaintOf({ line, expected }: ConfFault): string {
  return expected === 'number'
    ? `value needs to be integer or double, line=${line}`
    : `expected 'key=value', line=${line}`;
}

/**
 * Applies the files of one submission in LoadGen's order. LoadGen counts user.conf files by process; one loader stands
 * for one such process.
 */
export class ConfLoader {
  /** What goes to the detail log of the tests that follow; `atNs` is a reading of the clock. */
  readonly errors: LoggedFault[] = [];
  readonly #builtIn: ConfSource;
  readonly #clock: Pick<Clock, 'nowNs'>;
  #userFiles = 0;

  /** @param builtIn the round's mlperf.conf. */
  constructor(builtIn: ConfSource, clock: Pick<Clock, 'nowNs'>) {
    this.#builtIn = builtIn;
    this.#clock = clock;
  }

  /** The round's file alone. */
  loadBuiltIn(settings: TestSettings, model: string): ConfLoad {
    return this.#noteErrors(loadConf(settings, this.#builtIn, 'mlperf', model));
  }

  /** A user.conf: the first one brings the round's file along, a later one is an error and applies all the same. */
  loadUser(settings: TestSettings, source: ConfSource, model: string): ConfLoad {
    let base = settings;
    if (this.#userFiles === 0) base = this.loadBuiltIn(settings, model).settings;
    else this.#log('Multiple conf files are used. This is not valid for official submission.');
    this.#userFiles += 1;
    return this.#noteErrors(loadConf(base, source, 'user', model));
  }

  #noteErrors(load: ConfLoad): ConfLoad {
    for (const complaint of load.complaints) this.#log(complaint);
    return load;
  }

  #log(message: string): void {
    this.errors.push({ key: 'error_invalid_config', message, atNs: this.#clock.nowNs() });
  }
}
