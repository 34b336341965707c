// A headless Chromium for tests, driven over the DevTools protocol through a pipe: no package, no port.

import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

const programs = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** $CHROMIUM, or the first of the usual names on the path; null where there is none. */
export function findChromium(): string | null {
  const { CHROMIUM, PATH = '' } = process.env;
  if (CHROMIUM !== undefined && CHROMIUM !== '') return CHROMIUM;
  const places = programs.flatMap((name) =>
    PATH.split(delimiter).map((folder) => join(folder, name)),
  );
  return places.find(isProgram) ?? null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

interface Waiting {
  readonly done: (result: Record<string, unknown>) => void;
  readonly fail: (error: Error) => void;
}

/** One page in a browser of its own, with a profile that is thrown away. */
export class Chromium {
  /** What the page wrote to the console or was refused, since it was opened. */
  readonly complaints: string[] = [];
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #waiting = new Map<number, Waiting>();
  readonly #loads: (() => void)[] = [];
  #lastId = 0;
  #session: string | undefined;
  #rest = '';

  private constructor(program: string) {
    this.#profile = mkdtempSync(join(tmpdir(), 'loadmark-chromium-'));
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--remote-debugging-pipe',
      `--user-data-dir=${this.#profile}`,
      'about:blank',
    ];
    this.#process = spawn(program, flags, {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    this.#process.on('error', (error) => this.#failAll(error));
    this.#process.on('exit', (code) => this.#failAll(new Error(`${program} ended with ${code}`)));
    const news = this.#process.stdio[4] as Readable;
    news.setEncoding('utf8').on('data', (text: string) => this.#take(text));
  }

  static async start(program: string): Promise<Chromium> {
    const browser = new Chromium(program);
    const { targetInfos } = await browser.call('Target.getTargets');
    const page = (targetInfos as { type: string; targetId: string }[]).find(
      ({ type }) => type === 'page',
    );
    const { sessionId } = await browser.call('Target.attachToTarget', {
      targetId: page?.targetId,
      flatten: true,
    });
    browser.#session = String(sessionId);
    for (const domain of ['Page', 'Runtime', 'Log']) await browser.call(`${domain}.enable`);
    return browser;
  }

  /** Resolves when the page has loaded. */
  async open(url: string, width = 1240): Promise<void> {
    this.complaints.length = 0;
    await this.call('Emulation.setDeviceMetricsOverride', {
      width,
      height: 900,
      deviceScaleFactor: 1,
      mobile: false,
    });
    const loaded = new Promise<void>((done) => this.#loads.push(done));
    await this.call('Page.navigate', { url });
    await loaded;
  }

  /** How the page is looked at. */
  async look(media: 'screen' | 'print', scheme: 'light' | 'dark'): Promise<void> {
    const features = [{ name: 'prefers-color-scheme', value: scheme }];
    await this.call('Emulation.setEmulatedMedia', { media, features });
  }

  /** The value of an expression in the page, by JSON. */
  async evaluate<T>(expression: string): Promise<T> {
    const answer = await this.call('Runtime.evaluate', { expression, returnByValue: true });
    if (answer.exceptionDetails !== undefined) {
      throw new Error(`in the page: ${JSON.stringify(answer.exceptionDetails)}`);
    }
    return (answer.result as { value: T }).value;
  }

  async printPdf(): Promise<Buffer> {
    const { data } = await this.call('Page.printToPDF', { preferCSSPageSize: true });
    return Buffer.from(String(data), 'base64');
  }

  call(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#lastId;
    const sessionId = this.#session;
    const commands = this.#process.stdio[3] as Writable;
    commands.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((done, fail) => this.#waiting.set(id, { done, fail }));
  }

  async close(): Promise<void> {
    const ended = new Promise((done) => this.#process.once('exit', done));
    this.#session = undefined;
    await this.call('Browser.close');
    await ended;
    // Its helpers may write into the profile a moment longer.
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
  }

  #take(text: string): void {
    const messages = (this.#rest + text).split('\0');
    this.#rest = messages.pop()!;
    for (const message of messages) this.#handle(JSON.parse(message) as Message);
  }

  #handle({ id, method, params = {}, result = {}, error }: Message): void {
    if (id !== undefined) {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.done(result);
      else waiting?.fail(new Error(error.message));
    } else if (method === 'Page.loadEventFired') {
      for (const done of this.#loads.splice(0)) done();
    } else if (method === 'Runtime.exceptionThrown' || method === 'Runtime.consoleAPICalled') {
      this.complaints.push(JSON.stringify(params));
    } else if (method === 'Log.entryAdded') {
      this.complaints.push((params.entry as { text: string }).text);
    }
  }

  #failAll(error: Error): void {
    for (const { fail } of this.#waiting.values()) fail(error);
    this.#waiting.clear();
  }
}
