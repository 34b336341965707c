// From a checked configuration to the pieces a run is made of: the samples, the tokenizer, the system under test.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { loadTokenizer, openDataset, type Tokenizer } from '../datasets/index.js';
import type { EngineOptions } from '../native/index.js';
import type { RunConfig } from './config.js';
import { InputError, messageOf } from './errors.js';
import type { ProgressReporter } from './report/progress.js';
import { DatasetLibrary } from './sample-library.js';
import type { MeasuredSut } from './sut/measured-sut.js';
import type { GenerationTerms } from './sut/native.js';

export interface RunPieces {
  readonly library: DatasetLibrary;
  readonly sut: MeasuredSut;
  readonly progress: ProgressReporter;
  readonly startedAt: Date;
}

/** Loads what the run needs. What is slow to import is imported here, when it is needed. */
export async function buildPieces(
  config: RunConfig,
  startedAt: Date,
  progress: ProgressReporter,
): Promise<RunPieces> {
  if (config.sut === 'null') {
    const { NullSut } = await import('./sut/null.js');
    const library = openLibrary(config, null);
    const outputTokens = library.dataset.kind === 'generation' ? config.nullSut.outputTokens : 0;
    const sut = new NullSut({ delayMs: config.nullSut.delayMs, outputTokens });
    return { library, sut, progress, startedAt };
  }
  progress.note(`loading ${config.model.name} from ${config.model.folder}`);
  const tokenizer = await readTokenizer(config.model.folder);
  const library = openLibrary(config, tokenizer);
  const { NativeSut } = await import('./sut/native.js');
  const options = buildEngineOptions(config);
  const sut = await NativeSut.load(options, library, buildGeneration(config, tokenizer));
  return { library, sut, progress, startedAt };
}

/** The samples asked for; that the dataset has so many was checked with the configuration. */
function openLibrary(config: RunConfig, tokenizer: Tokenizer | null): DatasetLibrary {
  const dataset = openDataset(config.dataset, 'test');
  return new DatasetLibrary(dataset, tokenizer, config.samples ?? dataset.length);
}

function buildEngineOptions({ engine, model }: RunConfig): EngineOptions {
  return {
    modelPath: model.folder,
    device: 'cpu',
    threads: engine.threads ?? availableParallelism(),
    maxBatch: engine.maxBatch,
    maxSequenceTokens: engine.maxSequenceTokens ?? readSequenceLimit(model.folder),
    maxStepTokens: engine.maxStepTokens,
    pageTokens: engine.pageTokens,
    kvCacheBytes: engine.kvCacheBytes,
    kvCacheType: engine.kvCache,
    instructionSet: engine.instructionSet,
    activationType: engine.activations,
    weightFormat: engine.weights,
  };
}

function buildGeneration({ generation, model }: RunConfig, tokenizer: Tokenizer): GenerationTerms {
  const { temperature, topK, topP, seed } = generation;
  return {
    maxNewTokens: generation.maxNewTokens ?? model.generation.maxNewTokens,
    minNewTokens: generation.minNewTokens ?? model.generation.minNewTokens,
    stopTokens: Int32Array.of(tokenizer.eosId),
    temperature,
    topK,
    topP,
    seed,
  };
}

async function readTokenizer(folder: string): Promise<Tokenizer> {
  try {
    return await loadTokenizer(folder);
  } catch (error) {
    throw new InputError([{ where: folder, message: messageOf(error) }]);
  }
}

/** The longest sequence the checkpoint was made for. */
function readSequenceLimit(folder: string): number {
  const file = join(folder, 'config.json');
  const refuse = (reason: string) =>
    new InputError([
      { where: file, message: `${reason}; set engine.max_sequence_tokens to go without` },
    ]);
  let config: unknown;
  try {
    config = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw refuse(messageOf(error));
  }
  const limit =
    typeof config === 'object' && config !== null && 'max_position_embeddings' in config
      ? config.max_position_embeddings
      : undefined;
  if (Number.isInteger(limit) && (limit as number) > 1) return limit as number;
  throw refuse(`max_position_embeddings is ${String(limit)}; allowed: a whole number above 1`);
}
