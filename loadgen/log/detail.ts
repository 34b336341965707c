// mlperf_log_detail.txt: one machine-readable line an entry, in LoadGen's exact spelling.
// Entries are kept as values while the test runs and become text afterwards.

import type { LoggedFault } from '../outcome.js';
import { formatGeneral } from './number-format.js';

/** A double, printed with six significant digits; plain numbers are integers. */
export interface DoubleValue {
  readonly double: number;
}

/** What an entry can hold. */
export type DetailValue = string | number | bigint | boolean | DoubleValue | Uint32Array;

/** The source file of LoadGen that writes entries of that kind; readers of these logs expect it. */
export type DetailFile =
  | 'version.cc'
  | 'loadgen.cc'
  | 'test_settings_internal.cc'
  | 'issue_query_controller.cc'
  | 'logging.cc'
  | 'results.cc';

interface DetailEntry {
  readonly key: string;
  readonly value: DetailValue;
  readonly atNs: number;
  readonly file: DetailFile;
  readonly isError: boolean;
  readonly isWarning: boolean;
}

/** Marks a number as a double. */
export function double(value: number): DoubleValue {
  return { double: value };
}

function formatValue(value: DetailValue): string {
  // Differs from loadgen: quotes and line ends inside a text are escaped, so that a line stays one JSON object.
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Uint32Array) return `[${value.join(',')}]`;
  if (typeof value === 'object') return formatGeneral(value.double);
  return value.toString();
}

/** Nanoseconds as milliseconds with six decimals, without rounding; one before the start wraps around, as in LoadGen. */
function formatMs(ns: number): string {
  const unsigned = BigInt.asUintN(64, BigInt(Math.trunc(ns)));
  return `${unsigned / 1_000_000n}.${(unsigned % 1_000_000n).toString().padStart(6, '0')}`;
}

/** Collects the entries of one test. */
export class DetailLog {
  readonly errors: LoggedFault[] = [];
  readonly warnings: LoggedFault[] = [];
  /** Those of the errors that are about answers. */
  readonly sutFaults: LoggedFault[] = [];
  readonly #entries: DetailEntry[] = [];
  readonly #nowNs: () => number;
  #lastAtNs = 0;

  /** @param nowNs the time in ns since the start of the test. */
  constructor(nowNs: () => number) {
    this.#nowNs = nowNs;
  }

  add(file: DetailFile, key: string, value: DetailValue): void {
    this.#lastAtNs = this.#nowNs();
    this.#push(file, key, value);
  }

  /** An error entry, stamped now. */
  error(file: DetailFile, key: string, message: string): void {
    this.#lastAtNs = this.#nowNs();
    this.errors.push({ key, message, atNs: this.#lastAtNs });
    this.#push(file, key, message, true);
  }

  /** Errors about configuration files, read before the test; `atNs` of these is a reading of the clock. */
  addEarlierErrors(faults: readonly LoggedFault[], startedAtNs: number): void {
    for (const { key, message, atNs } of faults) {
      this.#lastAtNs = atNs - startedAtNs;
      this.errors.push({ key, message, atNs: this.#lastAtNs });
      this.#push('test_settings_internal.cc', key, message, true);
    }
  }

  /** An error about an answer; LoadGen stamps those with the time of the entry before. */
  errorAtLastEntry(message: string): void {
    const fault: LoggedFault = { key: 'error_runtime', message, atNs: this.#nowNs() };
    this.errors.push(fault);
    this.sutFaults.push(fault);
    this.#push('logging.cc', 'error_runtime', message, true);
  }

  warning(file: DetailFile, message: string): void {
    const key = 'warning_generic_message';
    this.#lastAtNs = this.#nowNs();
    this.warnings.push({ key, message, atNs: this.#lastAtNs });
    this.#push(file, key, message, false, true);
  }

  #push(
    file: DetailFile,
    key: string,
    value: DetailValue,
    isError = false,
    isWarning = false,
  ): void {
    this.#entries.push({ key, value, atNs: this.#lastAtNs, file, isError, isWarning });
  }

  toString(): string {
    const lines = this.#entries.map(
      (e) =>
        `:::MLLOG {"key": "${e.key}", "value": ${formatValue(e.value)}, "time_ms": ${formatMs(e.atNs)}, ` +
        '"namespace": "mlperf::logging", "event_type": "POINT_IN_TIME", ' +
        `"metadata": {"is_error": ${e.isError}, "is_warning": ${e.isWarning}, ` +
        // Differs from loadgen: there is no C++ source line to name.
        `"file": "loadgen/${e.file}", "line_no": 0, "pid": ${process.pid}, "tid": ${process.pid}}}\n`,
    );
    return lines.join('');
  }
}
