// What may the engine be asked? Checks every argument, quoting the value and what is allowed, and packs lists of
// requests into the few typed arrays that cross to the addon. What only the loaded model knows is checked there.
import {
  type DeviceName,
  type EngineOptions,
  faultKinds,
  type GenerateRequest,
  type ScoreRequest,
} from './engine-contract.js';

/** `code` is stable and machine-readable; `message` quotes the value and what is allowed. */
export class NativeError extends Error {
  override readonly name = 'NativeError';
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const maxInt32 = 2 ** 31 - 1;
const maxUint64 = 2n ** 64n - 1n;

function refuse(message: string): never {
  throw new NativeError('ERR_BAD_ARGUMENT', message);
}

function quote(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

export function checkInteger(name: string, value: unknown, low: number, high: number): void {
  if (!Number.isInteger(value) || (value as number) < low || (value as number) > high) {
    refuse(`${name} is ${quote(value)}; allowed: an integer from ${low} to ${high}`);
  }
}

export function checkChoice(name: string, value: unknown, choices: readonly string[]): void {
  if (typeof value !== 'string' || !choices.includes(value)) {
    refuse(`${name} is ${quote(value)}; allowed: ${choices.join(', ')}`);
  }
}

export function checkNumber(name: string, value: unknown, low: number, high: number): void {
  if (typeof value !== 'number' || !(value >= low && value <= high)) {
    refuse(`${name} is ${quote(value)}; allowed: a number from ${low} to ${high}`);
  }
}

export function checkProfile(steps: number, firstStep: number): void {
  checkInteger('startProfile: steps', steps, 1, maxInt32);
  checkInteger('startProfile: firstStep', firstStep, 0, maxInt32);
}

const isCudaDevice = (name: string): name is DeviceName => /^cuda:\d{1,3}$/.test(name);

/** Which types each kind of device computes with. */
export const deviceTypes = {
  cpu: { kvCacheTypes: ['fp32', 'fp16', 'bf16'], activationTypes: ['int8', 'fp32'] },
  cuda: { kvCacheTypes: ['fp16', 'bf16', 'fp8'], activationTypes: ['fp16', 'bf16'] },
} as const;

const mostRanks = 64;

/** Empty where `device` computes alone. */
function checkRanks(options: EngineOptions): readonly DeviceName[] {
  const devices = options.tensorParallelDevices ?? [];
  if (!Array.isArray(devices)) {
    refuse(`tensorParallelDevices is ${quote(devices)}; allowed: a list of devices`);
  }
  if (devices.length > mostRanks) {
    refuse(`tensorParallelDevices holds ${devices.length} devices; allowed: at most ${mostRanks}`);
  }
  const isAllowed = (name: unknown) =>
    options.device === 'cpu' ? name === 'cpu' : typeof name === 'string' && isCudaDevice(name);
  for (const [i, name] of devices.entries()) {
    if (!isAllowed(name)) {
      const allowed = options.device === 'cpu' ? 'cpu, as device is' : 'cuda:N, as device is';
      refuse(`tensorParallelDevices[${i}] is ${quote(name)}; allowed: ${allowed}`);
    }
  }
  if (devices.length > 0 && devices[0] !== options.device) {
    refuse(
      `tensorParallelDevices[0] is ${quote(devices[0])}; allowed: ${quote(options.device)}, the engine's device`,
    );
  }
  return devices.length > 1 ? devices : [];
}

/** Returns the options with every default filled in, and nothing else in it. */
export function checkOptions(options: EngineOptions): Required<EngineOptions> {
  const weightFormat = options.weightFormat ?? 'checkpoint';
  const cudaGraphs = options.cudaGraphs ?? true;
  const faultAtStep = options.faultAtStep ?? 0;
  const faultKind = options.faultKind ?? 'exception';
  const faultRank = options.faultRank ?? -1;
  const stepLag = options.stepLag ?? 0;
  if (typeof options.modelPath !== 'string' || options.modelPath === '') {
    refuse(`modelPath is ${quote(options.modelPath)}; allowed: the path of a folder`);
  }
  if (options.device !== 'cpu' && !isCudaDevice(options.device)) {
    refuse(`device is ${quote(options.device)}; allowed: cpu, cuda:N`);
  }
  const tensorParallelDevices = checkRanks(options);
  const types = deviceTypes[options.device === 'cpu' ? 'cpu' : 'cuda'];
  checkInteger('threads', options.threads, 1, 1024);
  checkInteger('maxBatch', options.maxBatch, 1, 65_536);
  checkInteger('maxSequenceTokens', options.maxSequenceTokens, 2, 16_777_216);
  checkInteger('maxStepTokens', options.maxStepTokens, 1, 1_048_576);
  checkInteger('pageTokens', options.pageTokens, 1, 65_536);
  checkInteger('kvCacheBytes', options.kvCacheBytes, 0, Number.MAX_SAFE_INTEGER);
  checkChoice('kvCacheType', options.kvCacheType, types.kvCacheTypes);
  checkChoice('instructionSet', options.instructionSet, ['auto', 'plain', 'avx2', 'avx512']);
  checkChoice('activationType', options.activationType, types.activationTypes);
  checkChoice('weightFormat', weightFormat, ['checkpoint', 'int8']);
  const graphChoices = options.device === 'cpu' ? [true] : [true, false];
  if (!graphChoices.includes(cudaGraphs)) {
    const where = options.device === 'cpu' ? ' on cpu' : '';
    refuse(`cudaGraphs is ${quote(cudaGraphs)}; allowed${where}: ${graphChoices.join(', ')}`);
  }
  checkInteger('faultAtStep', faultAtStep, 0, maxInt32);
  checkChoice('faultKind', faultKind, faultKinds);
  checkInteger('faultRank', faultRank, -1, Math.max(1, tensorParallelDevices.length) - 1);
  checkInteger('stepLag', stepLag, 0, 1);
  const checked = {
    modelPath: options.modelPath,
    device: options.device,
    tensorParallelDevices,
    threads: options.threads,
    maxBatch: options.maxBatch,
    maxSequenceTokens: options.maxSequenceTokens,
    maxStepTokens: options.maxStepTokens,
    pageTokens: options.pageTokens,
    kvCacheBytes: options.kvCacheBytes,
    kvCacheType: options.kvCacheType,
    instructionSet: options.instructionSet,
    activationType: options.activationType,
    weightFormat,
    cudaGraphs,
    faultAtStep,
    faultKind,
    faultRank,
    stepLag,
  };
  // One that is passed over would be computed without, and nobody would know.
  const unknown = Object.keys(options).find((key) => !(key in checked));
  if (unknown !== undefined) {
    refuse(`${unknown} is no option of this engine; allowed: ${Object.keys(checked).join(', ')}`);
  }
  return checked;
}

/** Int32Array of at least `least` token ids; that each is in the vocabulary is checked by the engine. */
export function checkTokens(tokens: unknown, owner: string, name: string, least = 1): void {
  if (!(tokens instanceof Int32Array)) {
    refuse(`${owner}: ${name} is not an Int32Array`);
  }
  if (tokens.length < least) {
    refuse(`${owner}: ${name} holds ${tokens.length} tokens; allowed: at least ${least}`);
  }
}

export function checkIds(ids: unknown): void {
  if (!(ids instanceof Int32Array)) refuse('ids is not an Int32Array');
}

export function checkRequests(requests: readonly GenerateRequest[]): void {
  for (const [i, request] of requests.entries()) {
    checkInteger(`requests[${i}].id`, request.id, 0, maxInt32);
    const owner = `request ${request.id}`;
    checkTokens(request.promptTokens, owner, 'promptTokens');
    checkTokens(request.stopTokens, owner, 'stopTokens', 0);
    checkInteger(`${owner}: maxNewTokens`, request.maxNewTokens, 1, maxInt32);
    checkInteger(`${owner}: minNewTokens`, request.minNewTokens, 0, request.maxNewTokens);
    checkNumber(`${owner}: temperature`, request.temperature, 0, 100);
    checkInteger(`${owner}: topK`, request.topK, 0, maxInt32);
    checkNumber(`${owner}: topP`, request.topP, Number.MIN_VALUE, 1);
    if (typeof request.seed !== 'bigint' || request.seed < 0n || request.seed > maxUint64) {
      refuse(`${owner}: seed is ${quote(request.seed)}; allowed: a bigint from 0 to ${maxUint64}`);
    }
  }
}

export function checkScoreRequests(requests: readonly ScoreRequest[]): void {
  for (const [i, request] of requests.entries()) {
    const owner = `score request ${i}`;
    checkTokens(request.promptTokens, owner, 'promptTokens');
    if (request.continuations.length === 0) {
      refuse(`${owner}: continuations is empty; allowed: at least 1`);
    }
    for (const [j, continuation] of request.continuations.entries()) {
      checkTokens(continuation, owner, `continuations[${j}]`);
    }
    const { continuations, contextTokens } = request;
    if (contextTokens !== undefined && contextTokens.length !== continuations.length) {
      refuse(
        `${owner}: contextTokens holds ${contextTokens.length} counts; allowed: ${continuations.length}, one a continuation`,
      );
    }
  }
}

function concatenate(parts: readonly Int32Array[]): Int32Array {
  let total = 0;
  for (const part of parts) total += part.length;
  const whole = new Int32Array(total);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Column by column; the tokens of all requests one after another, with their counts. */
export function packRequests(requests: readonly GenerateRequest[]) {
  return {
    ids: Int32Array.from(requests, (r) => r.id),
    promptTokens: concatenate(requests.map((r) => r.promptTokens)),
    promptCounts: Int32Array.from(requests, (r) => r.promptTokens.length),
    stopTokens: concatenate(requests.map((r) => r.stopTokens)),
    stopCounts: Int32Array.from(requests, (r) => r.stopTokens.length),
    maxNewTokens: Int32Array.from(requests, (r) => r.maxNewTokens),
    minNewTokens: Int32Array.from(requests, (r) => r.minNewTokens),
    temperatures: Float64Array.from(requests, (r) => r.temperature),
    topKs: Int32Array.from(requests, (r) => r.topK),
    topPs: Float64Array.from(requests, (r) => r.topP),
    seeds: BigUint64Array.from(requests, (r) => r.seed),
  };
}

/** As packRequests: counts of continuations by request, then of tokens by continuation. */
export function packScoreRequests(requests: readonly ScoreRequest[]) {
  const continuations = requests.flatMap((r) => [...r.continuations]);
  return {
    promptTokens: concatenate(requests.map((r) => r.promptTokens)),
    promptCounts: Int32Array.from(requests, (r) => r.promptTokens.length),
    continuationsPerRequest: Int32Array.from(requests, (r) => r.continuations.length),
    continuationTokens: concatenate(continuations),
    continuationCounts: Int32Array.from(continuations, (c) => c.length),
    contextCounts: Int32Array.from(
      requests.flatMap((r) => r.contextTokens ?? r.continuations.map(() => 0)),
    ),
  };
}
