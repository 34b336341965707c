// The only door to the native engine: its whole surface, whose types stand in the contracts beside it, and the addon,
// which is loaded when it is first needed.
// Tokens in, tokens out; text never crosses. What an argument may be is checked in arguments.ts.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, parse } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  checkIds,
  checkOptions,
  checkProfile,
  checkRequests,
  checkScoreRequests,
  checkTokens,
  NativeError,
  packRequests,
  packScoreRequests,
} from './arguments.js';
import type {
  EngineHandlers,
  EngineInfo,
  EngineOptions,
  EngineProfile,
  EngineStats,
  EventBatch,
  GenerateRequest,
  HostFeatures,
  ScoreRequest,
  ScoreResult,
} from './engine-contract.js';
import type { ModelInspection } from './inspection-contract.js';
import { packQuantizeOptions } from './quantize-arguments.js';
import type {
  QuantizedLinear,
  QuantizeOptions,
  QuantizeProgress,
  QuantizeReport,
} from './quantizer-contract.js';
import type {
  TelemetryAbsence,
  TelemetryDevice,
  TelemetryFault,
  TelemetryOptions,
} from './telemetry-contract.js';

export { deviceTypes, NativeError } from './arguments.js';
export * from './engine-contract.js';
export type * from './inspection-contract.js';
export type * from './quantizer-contract.js';
export * from './telemetry-contract.js';

/** What the addon exports: plain typed arrays, no checks. */
interface Addon {
  hostFeatures(): HostFeatures;
  inspectModel(path: string, verify: boolean): string;
  decodeLinear(path: string, module: string): Float32Array;
  measureReadRate(threads: number): number;
  loadEngine(
    options: Required<EngineOptions>,
    onEvents: (batch: EventBatch) => void,
    onBroken: (code: string, message: string) => void,
  ): Promise<AddonEngine>;
  startQuantize(
    options: ReturnType<typeof packQuantizeOptions>,
    onLinear: (linear: QuantizedLinear, progress: QuantizeProgress) => void,
  ): { readonly promise: Promise<QuantizeReport>; cancel(): void };
  openTelemetry(options: object): Telemetry;
}

interface AddonEngine {
  readonly info: EngineInfo;
  stats(): EngineStats;
  startProfile(steps: number, firstStep: number): void;
  profile(): EngineProfile | null;
  failNextStep(): void;
  submit(packed: ReturnType<typeof packRequests>): void;
  cancel(ids: Int32Array): void;
  score(packed: ReturnType<typeof packScoreRequests>): Promise<ScoreResult[]>;
  forwardLogits(tokens: Int32Array): Promise<Float32Array>;
  close(): Promise<void>;
}

let addon: Addon | undefined;

/** Walks up from this file (native/ or dist/native/) to native/build/Release/loadmark.node. */
function findAddon(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  const root = parse(start).root;
  for (let folder = start; folder !== root; folder = dirname(folder)) {
    const candidate = join(folder, 'native', 'build', 'Release', 'loadmark.node');
    if (existsSync(candidate)) return candidate;
  }
  throw new NativeError(
    'ERR_NATIVE_MISSING',
    `the native engine is not built: no native/build/Release/loadmark.node above ${start}; run \`npm run build\``,
  );
}

function loadAddon(): Addon {
  if (addon === undefined) {
    const path = findAddon();
    try {
      addon = createRequire(import.meta.url)(path) as Addon;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new NativeError(
        'ERR_NATIVE_MISSING',
        `${path} does not load: ${reason}; run \`npm run build\``,
      );
    }
  }
  return addon;
}

/** The addon's errors carry `code`; what has none is a bug. */
function asNativeError(error: unknown): NativeError {
  if (error instanceof NativeError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = (error as { code?: unknown } | null)?.code;
  return new NativeError(typeof code === 'string' ? code : 'ERR_INTERNAL', message);
}

function translate<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw asNativeError(error);
  }
}

export function hostFeatures(): HostFeatures {
  return translate(() => loadAddon().hostFeatures());
}

/** Of a folder or a .gguf file. `verify` reads every weight, which takes as long as reading the file. */
export function inspectModel(path: string, verify = false): ModelInspection {
  return translate(() => JSON.parse(loadAddon().inspectModel(path, verify)) as ModelInspection);
}

/** (n, k): a linear's values in fp32 as its format's reference decodes them, by module path. */
export function decodeLinear(path: string, module: string): Float32Array {
  return translate(() => loadAddon().decodeLinear(path, module));
}

/** 10^9 bytes a second that so many threads read from memory, the best of a few reads. */
export function measureReadRate(threads: number): number {
  return translate(() => loadAddon().measureReadRate(threads));
}

/** A loaded model and the thread that steps it. Close it; one forgotten does not keep the process alive. */
export class Engine {
  readonly info: EngineInfo;
  readonly #native: AddonEngine;

  private constructor(native: AddonEngine) {
    this.#native = native;
    this.info = native.info;
  }

  /** Reads the checkpoint and plans memory off this thread; rejects with a NativeError. */
  static async load(options: EngineOptions, handlers: EngineHandlers): Promise<Engine> {
    const checked = checkOptions(options);
    const onBroken = (code: string, message: string) =>
      handlers.onBroken?.(new NativeError(code, message));
    try {
      const native = await loadAddon().loadEngine(
        checked,
        (batch) => handlers.onEvents(batch),
        onBroken,
      );
      return new Engine(native);
    } catch (error) {
      throw asNativeError(error);
    }
  }

  stats(): EngineStats {
    return translate(() => this.#native.stats());
  }

  /**
   * Times every kernel of so many steps, which are slower for it: from `firstStep` on, 1 being the first since the load,
   * or from the next where that has begun. An earlier profile is forgotten.
   */
  startProfile(steps: number, firstStep = 0): void {
    checkProfile(steps, firstStep);
    translate(() => this.#native.startProfile(steps, firstStep));
  }

  /** null before the steps asked for are through. */
  profile(): EngineProfile | null {
    return translate(() => this.#native.profile());
  }

  /** For tests: the step that ends next fails as the options say. An engine without work has no next step. */
  failNextStep(): void {
    translate(() => this.#native.failNextStep());
  }

  /** Takes all of them or, with an error naming the request, none. */
  submit(requests: readonly GenerateRequest[]): void {
    checkRequests(requests);
    translate(() => this.#native.submit(packRequests(requests)));
  }

  /** Unknown and finished ids are ignored: they may have finished while this call was on its way. */
  cancel(ids: Int32Array): void {
    checkIds(ids);
    translate(() => this.#native.cancel(ids));
  }

  /** One result a request, in order. */
  async score(requests: readonly ScoreRequest[]): Promise<ScoreResult[]> {
    checkScoreRequests(requests);
    if (requests.length === 0) return [];
    try {
      return await this.#native.score(packScoreRequests(requests));
    } catch (error) {
      throw asNativeError(error);
    }
  }

  /** Logits (tokens, vocabSize) of a whole text, between steps of whatever else runs: for checks and inspection. */
  async forwardLogits(tokens: Int32Array): Promise<Float32Array> {
    checkTokens(tokens, 'forwardLogits', 'tokens');
    try {
      return await this.#native.forwardLogits(tokens);
    } catch (error) {
      throw asNativeError(error);
    }
  }

  /** Cancels what is unfinished (its events still come), joins the thread; a second call changes nothing. */
  async close(): Promise<void> {
    await this.#native.close();
  }
}

/**
 * Quantizes a checkpoint's linears on a thread of its own and writes their tensors, the others copied as they are.
 * Rejects with a NativeError, or with what `onLinear` throws.
 */
export async function quantizeModel(
  options: QuantizeOptions,
  onLinear?: (linear: QuantizedLinear, progress: QuantizeProgress) => void,
): Promise<QuantizeReport> {
  const packed = packQuantizeOptions(options);
  let thrown: { readonly error: unknown } | undefined;
  const job = translate(() =>
    loadAddon().startQuantize(packed, (linear, progress) => {
      if (thrown !== undefined) return;
      try {
        onLinear?.(linear, progress);
      } catch (error) {
        thrown = { error };
        job.cancel();
      }
    }),
  );
  const cancel = () => job.cancel();
  if (options.signal?.aborted === true) cancel();
  options.signal?.addEventListener('abort', cancel);
  try {
    return await job.promise;
  } catch (error) {
    throw thrown === undefined ? asNativeError(error) : thrown.error;
  } finally {
    options.signal?.removeEventListener('abort', cancel);
  }
}

/** Samples the machine on a native thread of its own, until it is stopped. Rows hold the values of all devices in order. */
export interface Telemetry {
  readonly devices: readonly TelemetryDevice[];
  readonly absences: readonly TelemetryAbsence[];
  /** Version of NVIDIA's driver; null without NVML. */
  readonly driver: string | null;
  /** Values of a row, its times included. */
  readonly width: number;
  /** One sample now, besides those of the period; does not wait for it. */
  sampleSoon(): void;
  /** Rows (n, width) that have not been taken; NaN is absent. */
  take(): Float64Array;
  /** The newest row, taken or not; empty before the first. */
  latest(): Float64Array;
  lostRows(): number;
  faults(): readonly TelemetryFault[];
  stop(): void;
}

/** Opens what there is to sample, and begins; what is missing is among the absences. */
export function openTelemetry({ gpus, ...options }: TelemetryOptions): Telemetry {
  const pciBusIds = typeof gpus === 'string' ? [] : gpus;
  const samplesGpus = gpus === 'all' || pciBusIds.length > 0;
  return translate(() => loadAddon().openTelemetry({ ...options, samplesGpus, pciBusIds }));
}
