// How far along is a download? One line rewritten in place on a terminal; elsewhere a plain line a file, and one every
// few seconds of a long one. Always on stderr.

import type { TextStream } from './progress.js';

const terminalMs = 250;
const plainMs = 5000;

export class PullProgress {
  readonly #stream: TextStream;
  readonly #isQuiet: boolean;
  #line = '';
  #lastMs = 0;
  #startMs = performance.now();
  #startBytes = 0;

  constructor(stream: TextStream, isQuiet: boolean) {
    this.#stream = stream;
    this.#isQuiet = isQuiet;
  }

  /** One plain line, unless quiet. */
  note(text: string): void {
    if (this.#isQuiet) return;
    this.#clear();
    this.#stream.write(`${text}\n`);
  }

  startFile(): void {
    this.#startMs = performance.now();
    this.#lastMs = this.#startMs;
    this.#startBytes = -1;
  }

  /** `bytes` of `total` are here. */
  show(path: string, bytes: number, total: number): void {
    if (this.#isQuiet) return;
    const now = performance.now();
    if (this.#startBytes < 0) this.#startBytes = bytes;
    const isTerminal = this.#stream.isTTY === true;
    if (now - this.#lastMs < (isTerminal ? terminalMs : plainMs)) return;
    this.#lastMs = now;
    const rate = (bytes - this.#startBytes) / Math.max(1e-3, (now - this.#startMs) / 1000);
    const line = formatPull(path, bytes, total, rate);
    if (!isTerminal) {
      this.#stream.write(`${line}\n`);
      return;
    }
    this.#line = line.slice(0, Math.max(20, (this.#stream.columns || 80) - 1));
    this.#stream.write(`\r\u001b[2K${this.#line}`);
  }

  #clear(): void {
    if (this.#line !== '') this.#stream.write('\r\u001b[2K');
    this.#line = '';
  }
}

/** "model.safetensors  1.2 of 3.4 GB (35 %)  110 MB/s  20 s left" */
export function formatPull(path: string, bytes: number, total: number, rate: number): string {
  const share = total === 0 ? 100 : Math.floor((100 * bytes) / total);
  const left = rate > 0 ? `  ${Math.ceil((total - bytes) / rate)} s left` : '';
  return `${path}  ${formatBytes(bytes)} of ${formatBytes(total)} (${share} %)  ${formatBytes(rate)}/s${left}`;
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}
