// One model's part of `npm run bench:gpu` and `npm run bench:multi-gpu`, in a process of its own: what breaks there breaks
// nothing else, and its memory is free for the next one. Loads random weights, on cuda:0 or split over the devices given,
// answers random prompts, prints an EngineMeasurement as JSON.
//
//   node engine-measurement.js decode MODEL REPEATS [DEVICES]     devices with commas between them
//   node engine-measurement.js prefill MODEL REPEATS [DEVICES]
//   node engine-measurement.js batched MODEL REPEATS BATCHES      batches with commas between them
//   node engine-measurement.js answers MODEL 1 [DEVICES]          no times: an Answers, of one prompt that is always the same

import { availableParallelism } from 'node:os';
import {
  type DeviceName,
  Engine,
  type EngineOptions,
  eventStatus,
  type GenerateRequest,
} from '../../native/index.js';
import { messageOf } from '../errors.js';
import { TokenTimes } from '../token-times.js';
import { costOf } from '../utilisation.js';
import { type BatchTimes, describeBatch } from './figures.js';
import type { Answers, EngineMeasurement, FailedLine } from './record.js';

interface Plan {
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly maxStepTokens: number;
  readonly batches: readonly number[];
  readonly maxSequenceTokens: number;
}

/** As many prompt tokens a step as the matrix units are busy with. */
const batchedStepTokens = 4096;

function engineOptions(
  model: string,
  plan: Plan,
  devices: readonly [DeviceName, ...DeviceName[]],
): EngineOptions {
  return {
    modelPath: `synthetic:${model}:1`,
    device: devices[0],
    ...(devices.length > 1 ? { tensorParallelDevices: devices } : {}),
    threads: Math.min(8, availableParallelism()),
    maxBatch: Math.max(...plan.batches),
    maxSequenceTokens: plan.maxSequenceTokens,
    maxStepTokens: plan.maxStepTokens,
    pageTokens: 16,
    kvCacheBytes: 0,
    kvCacheType: 'fp16',
    instructionSet: 'auto',
    activationType: 'fp16',
  };
}

/** Other tokens in every request: nothing may be shared. */
function makeRequest(id: number, plan: Plan, vocabSize: number): GenerateRequest {
  const special = 3;
  const draw = () => special + Math.floor(Math.random() * (vocabSize - special));
  return {
    id,
    promptTokens: Int32Array.from({ length: plan.promptTokens }, draw),
    maxNewTokens: plan.newTokens,
    minNewTokens: 0,
    stopTokens: new Int32Array(0),
    temperature: 0,
    topK: 0,
    topP: 1,
    seed: 0n,
  };
}

async function answerBatch(
  engine: Engine,
  times: TokenTimes,
  plan: Plan,
  batch: number,
): Promise<BatchTimes> {
  const { vocabSize } = engine.info;
  const requests = Array.from({ length: batch }, (_, id) => makeRequest(id, plan, vocabSize));
  const answered = times.expect(batch);
  const submittedNs = Number(process.hrtime.bigint());
  engine.submit(requests);
  return { promptTokens: plan.promptTokens, submittedNs, tokenNs: await answered };
}

/** Each batch size first unmeasured, which captures the graphs that its steps are. */
async function measure(
  model: string,
  plan: Plan,
  repeats: number,
  devices: readonly [DeviceName, ...DeviceName[]],
): Promise<EngineMeasurement> {
  const times = new TokenTimes();
  const options = engineOptions(model, plan, devices);
  const startMs = performance.now();
  const engine = await Engine.load(options, {
    onEvents: (batch) => times.take(batch),
    onBroken: (error) => times.break(error),
  });
  const loadSeconds = (performance.now() - startMs) / 1000;
  const { weightFormat, weightBytes, plannedBytes, kvPages, kernels } = engine.info;
  const runs: EngineMeasurement['runs'][number][] = [];
  for (const batch of plan.batches) {
    process.stderr.write(`  batch ${batch}\n`);
    await answerBatch(engine, times, plan, batch);
    for (let repeat = 0; repeat < repeats; repeat++) {
      const before = engine.stats().preemptions;
      const figures = describeBatch(await answerBatch(engine, times, plan, batch));
      runs.push({ ...figures, preemptions: engine.stats().preemptions - before });
    }
  }
  const { maxStepTokens } = options;
  const cost = costOf(engine.info);
  const described = { cost, weightFormat, weightBytes, plannedBytes, kvPages, kernels };
  await engine.close();
  return { engine: { ...described, maxStepTokens, loadSeconds }, runs };
}

const answersPlan: Plan = {
  promptTokens: 128,
  newTokens: 16,
  maxSequenceTokens: 256,
  maxStepTokens: 256,
  batches: [1],
};

/** Of the prompt's last positions. */
const comparedPositions = 8;

async function answer(
  model: string,
  devices: readonly [DeviceName, ...DeviceName[]],
): Promise<Answers> {
  const tokens: number[] = [];
  let end = (_error?: Error) => {};
  const ended = new Promise<void>((done, fail) => {
    end = (error) => (error === undefined ? done() : fail(error));
  });
  const engine = await Engine.load(engineOptions(model, answersPlan, devices), {
    onEvents: ({ tokens: some, statuses }) => {
      tokens.push(...some);
      if (statuses.some((status) => status !== eventStatus.running)) end();
    },
    onBroken: (error) => end(error),
  });
  const { vocabSize } = engine.info;
  const prompt = Int32Array.from(
    { length: answersPlan.promptTokens },
    (_, i) => 3 + ((7919 * i * i + 31 * i) % (vocabSize - 3)),
  );
  const logits = await engine.forwardLogits(prompt);
  engine.submit([{ ...makeRequest(0, answersPlan, vocabSize), promptTokens: prompt }]);
  await ended;
  await engine.close();
  const last = Float32Array.from(logits.subarray(-comparedPositions * vocabSize));
  return {
    positions: comparedPositions,
    logits: Buffer.from(last.buffer).toString('base64'),
    tokens,
  };
}

function planOf(kind: string, batches: string | undefined): Plan {
  if (kind === 'decode') {
    const tokens = { promptTokens: 128, newTokens: 256, maxSequenceTokens: 512 };
    return { ...tokens, maxStepTokens: 512, batches: [1] };
  }
  if (kind === 'prefill') {
    const tokens = { promptTokens: 2048, newTokens: 1, maxSequenceTokens: 2049 };
    return { ...tokens, maxStepTokens: 2048, batches: [1] };
  }
  const tokens = { promptTokens: 222, newTokens: 128, maxSequenceTokens: 350 };
  const sizes = (batches ?? '').split(',').map(Number);
  return { ...tokens, maxStepTokens: batchedStepTokens, batches: sizes };
}

const [kind = '', model = '', repeats = '', list] = process.argv.slice(2);
const isBatched = kind === 'batched';
const devices = (isBatched ? 'cuda:0' : (list ?? 'cuda:0')).split(',');
let result: EngineMeasurement | Answers | FailedLine;
try {
  const named = devices as [DeviceName, ...DeviceName[]];
  const plan = planOf(kind, isBatched ? list : undefined);
  result =
    kind === 'answers'
      ? await answer(model, named)
      : await measure(model, plan, Number(repeats), named);
} catch (error) {
  result = { model, failed: messageOf(error) };
}
process.stdout.write(`${JSON.stringify(result)}\n`);
