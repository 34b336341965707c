// `bench eval MODEL`: tasks -> items -> tokens -> the engine's answers -> scores with their errors, told top to bottom.
// What each item was asked and answered is kept as it comes, so that the same command goes on after an interruption.

import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DatasetError, loadTokenizer, type ModelTokenizer } from '../../datasets/index.js';
import type { WorkerTarget } from '../device.js';
import { describeSystem, readCommit } from '../environment.js';
import { InputError, InterruptedError, messageOf } from '../errors.js';
import { readAnswerEnd } from '../eval/answer-end.js';
import { EvalEngine } from '../eval/eval-engine.js';
import {
  digestIdentity,
  EvalFolder,
  type EvalIdentity,
  type ItemEvidence,
} from '../eval/evidence.js';
import type { EvalItem } from '../eval/item.js';
import { digestItem } from '../eval/item-digest.js';
import {
  findLongest,
  ItemRunner,
  type RunTerms,
  type TokenizedItem,
  tokenizeItem,
} from '../eval/run-items.js';
import { type GroupScore, scoreGroup, scoreTask, type TaskScore } from '../eval/scores.js';
import type { BuiltTask } from '../eval/tasks/task.js';
import { makeTextEncoder, type TextEncoder } from '../eval/text-encoder.js';
import type { EvalRequest } from '../eval-options.js';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import { digestFolder } from '../model-digest.js';
import { findPackageRoot } from '../package-root.js';
import { formatEvalTable } from '../report/eval-table.js';
import { ProgressReporter } from '../report/progress.js';
import { describeDatasetError } from '../run-dataset.js';
import { placeWorkers, type WorkerOptions } from '../worker-options.js';
import type { Streams } from './run.js';

/** results.json, and what --json prints. */
export interface EvalRecord {
  readonly schema: 'loadmark/eval/1';
  readonly version: string;
  readonly commit: string | null;
  readonly startedAt: string;
  readonly command: readonly string[];
  readonly model: {
    readonly name: string;
    readonly digest: string;
    readonly architecture: string;
    readonly parameters: number;
    readonly weightFormat: string;
  };
  readonly system: Awaited<ReturnType<typeof describeSystem>>;
  /** The devices of each worker. */
  readonly workers: readonly (readonly string[])[];
  /** Workers that failed: others answered what they had not. */
  readonly remarks: readonly string[];
  /** Equal settings: equal questions to an equal model, computed alike. */
  readonly settings: EvalIdentity;
  readonly settingsDigest: string;
  readonly tasks: readonly TaskScore[];
  readonly groups: readonly GroupScore[];
  readonly items: number;
  /** Of these, answered by an earlier call that was interrupted. */
  readonly itemsKept: number;
  /** This call's. */
  readonly tokensRead: number;
  readonly seconds: number;
}

export async function evaluateModel(
  request: EvalRequest,
  command: readonly string[],
  streams: Streams,
  signal: AbortSignal,
): Promise<ExitCode> {
  const startedAt = new Date();
  const progress = new ProgressReporter(streams.stderr, request.quiet);
  const encoder = await readEncoder(request);
  progress.note(`reading ${request.tasks.map(({ definition }) => definition.name).join(', ')}`);
  const tasks = await buildTasks(request, encoder);
  const digest = await digestFolder(request.model.folder);
  const identity = describeIdentity(request, digest, tasks);
  const leaves = tasks.flatMap(({ leaves: own }) => own);
  const items = leaves.flatMap(({ items: own }) => own);
  const place = placeFolder(request, identity);
  const folder = EvalFolder.open(place, identity, items, request.fresh);
  const evidence = new Map(folder.kept);
  const { engine, tokens, remarks } = await answerItems(request, items, evidence, {
    encoder,
    folder,
    progress,
    signal,
  });
  const scores = leaves.map((leaf) => scoreTask(leaf, evidence));
  const record: EvalRecord = {
    schema: 'loadmark/eval/1',
    version: findPackageRoot().version,
    commit: await readCommit(findPackageRoot().folder),
    startedAt: startedAt.toISOString(),
    command,
    model: { name: request.model.name, digest, ...engine },
    system: await describeSystem(),
    workers: request.workers.map(({ devices }) => devices),
    remarks,
    settings: identity,
    settingsDigest: digestIdentity(identity),
    tasks: scores,
    groups: tasks.flatMap(({ groups }) => groups.map((group) => scoreGroup(group, scores))),
    items: evidence.size,
    itemsKept: folder.kept.size,
    tokensRead: tokens,
    seconds: (Date.now() - startedAt.getTime()) / 1000,
  };
  folder.writeResults(record);
  streams.stdout.write(
    request.json ? `${JSON.stringify(record, null, 2)}\n` : formatEvalTable(record, folder.path),
  );
  return exitCodes.ok;
}

async function readEncoder({ model }: EvalRequest): Promise<TextEncoder> {
  let tokenizer: ModelTokenizer;
  try {
    tokenizer = await loadTokenizer(model.folder);
  } catch (error) {
    throw new InputError([{ where: model.folder, message: messageOf(error) }]);
  }
  return makeTextEncoder(tokenizer);
}

/** @throws InputError with what every task's data has wrong. */
async function buildTasks(request: EvalRequest, encoder: TextEncoder): Promise<BuiltTask[]> {
  const { limit, maxLength } = request;
  const built: BuiltTask[] = [];
  const faults = [];
  for (const { definition, folder, shots } of request.tasks) {
    try {
      built.push(await definition.build({ folder, shots, limit, encoder, maxLength }));
    } catch (error) {
      if (error instanceof InputError) faults.push(...error.faults);
      else if (error instanceof DatasetError) {
        faults.push(...describeDatasetError(error, folder, '--data'));
      } else throw error;
    }
  }
  if (faults.length > 0) throw new InputError(faults);
  return built;
}

/** Everything that an answer depends on. */
function describeIdentity(
  { model, limit, maxLength, workers, weights }: EvalRequest,
  modelDigest: string,
  tasks: readonly BuiltTask[],
): EvalIdentity {
  const leaves = tasks.flatMap(({ leaves: own }) => own);
  // How many workers there are changes no answer. Which kinds of device they are does, and how many of these compute a
  // model together: partial sums are added in another order, int8 activations are rounded by other scales.
  const list = (read: (worker: WorkerTarget) => string) =>
    [...new Set(workers.map(read))].join(',');
  return {
    version: findPackageRoot().version,
    model: model.name,
    modelDigest,
    limit,
    maxLength,
    device: list(({ devices }) => (devices[0] === 'cpu' ? 'cpu' : 'cuda')),
    tensorParallel: list(({ devices }) => String(devices.length)),
    kvCache: list(({ kvCacheType }) => kvCacheType),
    activations: list(({ activationType }) => activationType),
    weights,
    tasks: leaves.map(({ name, version, shots, items }) => {
      const hash = createHash('sha256');
      for (const item of items) {
        const right =
          item.kind === 'choice' ? item.answer : item.kind === 'generation' ? item.target : '';
        hash.update(`${item.id} ${digestItem(item)} ${right}\n`);
      }
      return { name, version, shots, items: items.length, digest: hash.digest('hex').slice(0, 16) };
    }),
  };
}

function placeFolder({ output, model }: EvalRequest, identity: EvalIdentity): string {
  if (output !== null) return resolve(output);
  return resolve('results', 'eval', `${model.name}-${digestIdentity(identity).slice(0, 12)}`);
}

interface Means {
  readonly encoder: TextEncoder;
  readonly folder: EvalFolder;
  readonly progress: ProgressReporter;
  readonly signal: AbortSignal;
}

/** Fills `evidence` with every item that has none yet. */
async function answerItems(
  request: EvalRequest,
  all: readonly EvalItem[],
  evidence: Map<string, ItemEvidence>,
  { encoder, folder, progress, signal }: Means,
) {
  const left = all.filter(({ id }) => !evidence.has(id));
  if (evidence.size > 0) {
    progress.note(`${evidence.size} of ${all.length} items were answered before: ${folder.path}`);
  }
  const terms: RunTerms = {
    encoder,
    maxLength: request.maxLength,
    maxBatch: request.workers.length * request.maxBatch,
    ...readAnswerEnd(request.model.folder, encoder.tokenizer),
  };
  const interrupted = () =>
    new InterruptedError(
      `interrupted: ${evidence.size} of ${all.length} items are kept in ${folder.path}; the same command goes on from there`,
    );
  const tokenized = await tokenizeItems(left, terms, signal);
  if (tokenized === null) throw interrupted();
  progress.note(`loading ${request.model.name} from ${request.model.folder}`);
  const engine = await EvalEngine.load(
    buildWorkers(request, findLongest(tokenized)),
    encoder,
    progress.note.bind(progress),
  );
  const keep = (row: ItemEvidence) => evidence.set(row.id, row);
  const runner = new ItemRunner(engine, folder, terms, signal, keep);
  const total = left.length;
  const stop = progress.start('eval', () => ({
    samples: runner.answered,
    tokens: runner.tokens,
    total,
  }));
  try {
    await runner.run(tokenized);
  } finally {
    stop();
    await engine.close();
  }
  if (runner.answered < total) throw interrupted();
  const { architecture, parameters, weightFormat } = engine.info;
  const told = { architecture, parameters, weightFormat };
  return { engine: told, tokens: runner.tokens, remarks: engine.remarks };
}

/** Items between two looks at the signal: making tokens of a whole task takes seconds, in which nothing else is heard. */
const itemsPerTurn = 64;

/** null where the signal came first. */
async function tokenizeItems(
  items: readonly EvalItem[],
  terms: RunTerms,
  signal: AbortSignal,
): Promise<TokenizedItem[] | null> {
  const tokenized: TokenizedItem[] = [];
  for (const [at, item] of items.entries()) {
    if (at % itemsPerTurn === 0) await nextTurn();
    if (signal.aborted) return null;
    try {
      tokenized.push(tokenizeItem(item, terms));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new InputError([{ where: '--max-length', message: error.message }]);
    }
  }
  return tokenized;
}

function buildWorkers(request: EvalRequest, longest: number): WorkerOptions[] {
  const { workers, threads, maxBatch, weights, model } = request;
  const shared = {
    modelPath: model.folder,
    maxBatch,
    maxSequenceTokens: longest,
    // All of it is prompts, which larger steps read faster where there is a GPU.
    maxStepTokens: workers.some(({ devices }) => devices[0] === 'cpu') ? 512 : 2048,
    pageTokens: 16,
    kvCacheBytes: 0,
    instructionSet: 'auto',
    weightFormat: weights,
  } as const;
  return placeWorkers(shared, workers, threads);
}
