// From a checked configuration to the pieces a run is made of: the samples, the tokenizer, the system under test.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dataset } from '../datasets/dataset.js';
import { loadTokenizer, type ModelTokenizer, type Tokenizer } from '../datasets/index.js';
import { type Clock, RealClock, VirtualClock } from '../loadgen/index.js';
import type { RunConfig } from './config.js';
import { isFile } from './config-files.js';
import { readFaults } from './engine-fault.js';
import { InputError, messageOf } from './errors.js';
import { inspectCheckpoint } from './model-inspection.js';
import { checkPromptLengths, checkVocabulary } from './prompt-check.js';
import { buildPromptWriter, type PromptWriter } from './prompt-writer.js';
import type { ProgressReporter } from './report/progress.js';
import { DatasetLibrary } from './sample-library.js';
import { needsTokenizer } from './script-config.js';
import type { GenerationTerms } from './sut/generation-request.js';
import type { MeasuredSut } from './sut/measured-sut.js';
import { placeWorkers, type WorkerOptions } from './worker-options.js';

export interface RunPieces {
  readonly library: DatasetLibrary;
  readonly sut: MeasuredSut;
  /** LoadGen and the system under test live by the same one. */
  readonly clock: Clock;
  readonly progress: ProgressReporter;
  readonly startedAt: Date;
}

/** Loads what the run needs. What is slow to import is imported here, when it is needed. */
export async function buildPieces(
  config: RunConfig,
  dataset: Dataset,
  startedAt: Date,
  progress: ProgressReporter,
): Promise<RunPieces> {
  const isVirtual = config.clock === 'virtual';
  const clock = isVirtual ? new VirtualClock(startedAt.getTime()) : new RealClock();
  if (isVirtual) progress.note('virtual clock: times are simulated, nothing is waited for');
  const built = await buildSut(config, dataset, clock, progress);
  return { ...built, clock, progress, startedAt };
}

function buildSut(
  config: RunConfig,
  dataset: Dataset,
  clock: Clock,
  progress: ProgressReporter,
): Promise<Pick<RunPieces, 'library' | 'sut'>> {
  switch (config.sut) {
    case 'null':
      return buildNull(config, dataset, clock);
    case 'scripted':
      return buildScripted(config, dataset, clock, progress);
    case 'native':
      return buildNative(config, dataset, progress);
  }
}

async function buildNull(config: RunConfig, dataset: Dataset, clock: Clock) {
  const { NullSut } = await import('./sut/null.js');
  const outputTokens = dataset.kind === 'generation' ? config.nullSut.outputTokens : 0;
  const sut = new NullSut({ delayMs: config.nullSut.delayMs, outputTokens }, clock);
  return { library: openLibrary(config, dataset, null), sut };
}

async function buildScripted(
  config: RunConfig,
  dataset: Dataset,
  clock: Clock,
  progress: ProgressReporter,
) {
  const { script, model } = config;
  if (script === null) throw new Error('a scripted system needs a script');
  const hasLengths = dataset.synthetic !== undefined;
  const isWritten = dataset.kind === 'generation' && needsTokenizer(script, hasLengths);
  const tokenizer = isWritten ? await readTokenizer(model.folder) : null;
  // It reads no prompts: tokenizing them would only tell how many tokens it did not read.
  const library = openLibrary(config, dataset, tokenizer, false);
  progress.note(`scripted system: writing ${library.totalSampleCount} answers by ${script.file}`);
  const { ScriptedSut } = await import('./sut/scripted.js');
  return { library, sut: new ScriptedSut(script, library, clock) };
}

async function buildNative(config: RunConfig, dataset: Dataset, progress: ProgressReporter) {
  const { model } = config;
  const from = model.synthetic ? '' : ` from ${model.folder}`;
  progress.note(`loading ${model.name}${from}${nameWorkers(config)}`);
  // Random tokens are neither read nor written as text.
  const tokenizer = dataset.synthetic === undefined ? await readTokenizer(model.folder) : null;
  const writePrompt = tokenizer === null ? null : buildPromptWriter(config, dataset, tokenizer);
  const library = openLibrary(config, dataset, tokenizer, tokenizer !== null, writePrompt);
  checkVocabulary(library, () => readVocabSize(model.folder), model.folder);
  const workers = buildWorkers(config, library);
  // Alike in all workers but for their devices.
  checkPromptLengths(library, workers[0]!.maxSequenceTokens);
  const { NativeSut } = await import('./sut/native.js');
  const terms = buildGeneration(config, tokenizer);
  const sut = await NativeSut.load(workers, library, terms, {
    onLoss: progress.note.bind(progress),
    faults: readFaults(config.engine.fault),
  });
  return { library, sut };
}

/** The samples asked for; that the dataset has so many was checked with the configuration. */
function openLibrary(
  config: RunConfig,
  dataset: Dataset,
  tokenizer: Tokenizer | null,
  tokenizesPrompts = tokenizer !== null,
  writePrompt: PromptWriter | null = null,
): DatasetLibrary {
  const count = config.samples ?? dataset.length;
  return new DatasetLibrary(dataset, tokenizer, count, tokenizesPrompts, writePrompt);
}

/** Empty where there is one only. */
function nameWorkers({ workers }: RunConfig): string {
  if (workers === null || workers.length < 2) return '';
  return ` on ${workers.length} workers: ${workers.map(({ devices }) => devices.join('+')).join(', ')}`;
}

/** What each worker's engine is loaded with. */
export function buildWorkers(
  { engine, workers, model }: RunConfig,
  { dataset, totalSampleCount }: DatasetLibrary,
): WorkerOptions[] {
  if (workers === null) throw new Error('the native engine needs a device');
  const longest = dataset.synthetic?.longestSequence(totalSampleCount);
  const shared = {
    modelPath: model.folder,
    maxBatch: engine.maxBatch,
    maxSequenceTokens: engine.maxSequenceTokens ?? longest ?? readSequenceLimit(model.folder),
    maxStepTokens: engine.maxStepTokens,
    pageTokens: engine.pageTokens,
    kvCacheBytes: engine.kvCacheBytes,
    instructionSet: engine.instructionSet,
    weightFormat: engine.weights,
    cudaGraphs: engine.cudaGraphs,
  };
  return placeWorkers(shared, workers, engine.threads, readFaults(engine.fault));
}

function buildGeneration(
  { generation, model }: RunConfig,
  tokenizer: ModelTokenizer | null,
): GenerationTerms {
  const { temperature, topK, topP, seed } = generation;
  return {
    maxNewTokens: generation.maxNewTokens ?? model.generation.maxNewTokens,
    minNewTokens: generation.minNewTokens ?? model.generation.minNewTokens,
    stopTokens: tokenizer === null ? new Int32Array(0) : Int32Array.from(tokenizer.stopIds),
    temperature,
    topK,
    topP,
    seed,
  };
}

async function readTokenizer(folder: string): Promise<ModelTokenizer> {
  try {
    return await loadTokenizer(folder);
  } catch (error) {
    throw new InputError([{ where: folder, message: messageOf(error) }]);
  }
}

/** A checkpoint that does not say it is refused by the engine. */
function readVocabSize(folder: string): unknown {
  return isFile(folder) ? inspectCheckpoint(folder).vocabSize : readModelConfig(folder).vocab_size;
}

/** The longest sequence the checkpoint was made for. */
function readSequenceLimit(folder: string): number {
  const limit = isFile(folder)
    ? inspectCheckpoint(folder).maxPositions
    : readModelConfig(folder).max_position_embeddings;
  if (Number.isInteger(limit) && (limit as number) > 1) return limit as number;
  const message = `max_position_embeddings is ${String(limit)}; allowed: a whole number above 1; set engine.max_sequence_tokens to go without`;
  throw new InputError([{ where: join(folder, 'config.json'), message }]);
}

function readModelConfig(folder: string): Readonly<Record<string, unknown>> {
  const file = join(folder, 'config.json');
  try {
    const config: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof config === 'object' && config !== null ? { ...config } : {};
  } catch (error) {
    throw new InputError([{ where: file, message: messageOf(error) }]);
  }
}
