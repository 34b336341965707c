// How far along is the run? One line rewritten in place on a terminal, a plain line every few seconds elsewhere, always
// on stderr. It reads counters on a timer: a few microseconds four times a second on the thread that issues.

/** Where text goes: process.stderr, or a test's own. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface ProgressCounters {
  readonly samples: number;
  readonly tokens: number;
  /** Samples of the pass; null where that is decided on the way. */
  readonly total: number | null;
}

const terminalMs = 250;
const plainMs = 5000;

export class ProgressReporter {
  readonly #stream: TextStream;
  readonly #isQuiet: boolean;

  constructor(stream: TextStream, isQuiet: boolean) {
    this.#stream = stream;
    this.#isQuiet = isQuiet;
  }

  /** One plain line, unless quiet. */
  note(text: string): void {
    if (!this.#isQuiet) this.#stream.write(`${text}\n`);
  }

  /** Follows counters until the function it returns is called. */
  start(name: string, read: () => ProgressCounters): () => void {
    if (this.#isQuiet) return () => {};
    const isTerminal = this.#stream.isTTY === true;
    const startMs = performance.now();
    const { total } = read();
    this.note(total === null ? `${name} pass` : `${name} pass: ${countSamples(total)}`);
    const show = () => {
      const line = formatProgress(name, read(), (performance.now() - startMs) / 1000);
      if (isTerminal) this.#stream.write(`\r\u001b[2K${this.#fit(line)}`);
      else this.#stream.write(`${line}\n`);
    };
    const timer = setInterval(show, isTerminal ? terminalMs : plainMs);
    timer.unref();
    return () => {
      clearInterval(timer);
      if (isTerminal) this.#stream.write('\r\u001b[2K');
      const seconds = (performance.now() - startMs) / 1000;
      const { samples } = read();
      this.note(`${name} pass: ${samples} answered in ${seconds.toFixed(1)} s`);
    };
  }

  #fit(line: string): string {
    return line.slice(0, Math.max(20, (this.#stream.columns || 80) - 1));
  }
}

/** "performance  612/1000 samples (61 %)  38.2/s  1950 tokens/s  10 s left" */
export function formatProgress(name: string, counters: ProgressCounters, seconds: number): string {
  const { samples, tokens, total } = counters;
  const rate = seconds > 0 ? samples / seconds : 0;
  const parts = [`${name}  ${describeShare(samples, total)}`, `${rate.toFixed(1)}/s`];
  if (tokens > 0 && seconds > 0) parts.push(`${Math.round(tokens / seconds)} tokens/s`);
  if (total !== null && rate > 0 && samples < total) {
    parts.push(`${Math.ceil((total - samples) / rate)} s left`);
  }
  return parts.join('  ');
}

function describeShare(samples: number, total: number | null): string {
  if (total === null) return countSamples(samples);
  const share = Math.min(100, Math.floor((100 * samples) / Math.max(1, total)));
  return `${samples}/${total} samples (${share} %)`;
}

function countSamples(count: number): string {
  return `${count} sample${count === 1 ? '' : 's'}`;
}
