// `bench quantize`: checkpoint and calibration texts -> INT4 checkpoint in GPTQ format with a report of what it lost, told
// top to bottom. How a linear is quantized is the native room's business.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatasetError, loadTokenizer } from '../../datasets/index.js';
import {
  NativeError,
  type QuantizedLinear,
  type QuantizeReport,
  quantizeModel,
} from '../../native/index.js';
import {
  type CalibrationSource,
  type CalibrationTexts,
  readCalibrationTexts,
} from '../calibration-texts.js';
import { InputError, InterruptedError, messageOf, SystemUnderTestError } from '../errors.js';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import { findPackageRoot } from '../package-root.js';
import type { QuantizeRequest } from '../quantize-options.js';
import { folderName, QuantizedFolder, reportFile } from '../quantized-folder.js';
import { ProgressReporter } from '../report/progress.js';
import { formatLayer, formatQuantizeTable } from '../report/quantize-table.js';
import { describeDatasetError } from '../run-dataset.js';
import type { Streams } from './run.js';

/** Longer texts are cut: what a linear sees changes little beyond. */
const maxTextTokens = 2048;

/** quantize_report.json, and what --json prints. */
export interface QuantizeRecord extends QuantizeReport {
  readonly schema: 'loadmark/quantize/1';
  readonly version: string;
  readonly model: string;
  readonly method: QuantizeRequest['method'];
  readonly quantization: QuantizationConfig;
  readonly calibration: readonly CalibrationSource[];
}

/** As config.json carries it. */
export type QuantizationConfig = ReturnType<typeof describeQuantization>;

export async function quantizeCheckpoint(
  request: QuantizeRequest,
  streams: Streams,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { source } = request;
  const progress = new ProgressReporter(streams.stderr, request.quiet);
  progress.note(`quantizing ${source} to int4 by ${request.method}`);
  const texts = await readTexts(request);
  for (const { remark } of texts.sources) if (remark !== null) progress.note(`WARNING: ${remark}`);
  const folder = new QuantizedFolder(request.out);
  try {
    const report = await quantize(request, folder, texts, progress, signal);
    const quantization = describeQuantization(request);
    folder.copyCompanions(source, quantization);
    const record: QuantizeRecord = {
      schema: 'loadmark/quantize/1',
      version: findPackageRoot().version,
      model: folderName(source),
      method: request.method,
      quantization,
      calibration: texts.sources,
      ...report,
    };
    folder.writeJson(reportFile, record);
    const path = folder.publish();
    streams.stdout.write(
      request.json
        ? `${JSON.stringify(record, null, 2)}\n`
        : formatQuantizeTable(report, request.damp, path),
    );
    return exitCodes.ok;
  } catch (error) {
    throw asQuantizeError(error, source);
  } finally {
    folder.discard();
  }
}

async function readTexts(request: QuantizeRequest): Promise<CalibrationTexts> {
  const { source } = request;
  if (request.calibration.length === 0) return { sequences: [], sources: [] };
  try {
    const tokenizer = await loadTokenizer(source);
    const positions = readMaxPositions(source);
    return await readCalibrationTexts(request.calibration, tokenizer, {
      ...request,
      maxTokens: Math.min(maxTextTokens, positions),
      windowTokens: Math.min(request.windowTokens, positions),
    });
  } catch (error) {
    if (error instanceof DatasetError) {
      const path = request.calibration.find(({ kind }) => kind === 'rows')?.path ?? source;
      throw new InputError(describeDatasetError(error, path, '--calibration'));
    }
    if (error instanceof InputError) throw error;
    throw new InputError([{ where: source, message: messageOf(error) }]);
  }
}

function readMaxPositions(source: string): number {
  const config: unknown = JSON.parse(readFileSync(join(source, 'config.json'), 'utf8'));
  const limit = (config as { max_position_embeddings?: unknown } | null)?.max_position_embeddings;
  return typeof limit === 'number' ? limit : maxTextTokens;
}

function quantize(
  request: QuantizeRequest,
  folder: QuantizedFolder,
  texts: CalibrationTexts,
  progress: ProgressReporter,
  signal: AbortSignal,
): Promise<QuantizeReport> {
  const { method, groupSize, symmetric, descAct, mse, damp, checkpointFormat, threads } = request;
  const linears: QuantizedLinear[] = [];
  const options = {
    modelPath: request.source,
    outputFile: folder.weights,
    method,
    groupSize,
    symmetric,
    descAct,
    mse,
    damp,
    checkpointFormat,
    sequences: texts.sequences,
    threads,
    instructionSet: 'auto' as const,
    signal,
  };
  return quantizeModel(options, (linear, { done, total, layers }) => {
    linears.push(linear);
    const isLayerDone = done % (total / layers) === 0;
    if (isLayerDone) progress.note(formatLayer(linears, linear.layer, layers));
  });
}

/** The keys of AutoGPTQ's quantize_config.json, and who made it in `meta`. */
function describeQuantization(request: QuantizeRequest) {
  const { version } = findPackageRoot();
  return {
    bits: request.bits,
    group_size: request.groupSize,
    damp_percent: request.damp,
    desc_act: request.descAct,
    static_groups: false,
    sym: request.symmetric,
    true_sequential: true,
    quant_method: 'gptq' as const,
    checkpoint_format: request.checkpointFormat,
    lm_head: false,
    meta: { quantizer: [`loadmark:${version}`], method: request.method, mse: request.mse },
  };
}

/** What the checkpoint or the machine cannot do is the input's fault, anything else the engine's. */
function asQuantizeError(error: unknown, source: string): unknown {
  if (!(error instanceof NativeError)) return error;
  if (error.code === 'ERR_CANCELLED') {
    return new InterruptedError('interrupted; nothing was written', { cause: error });
  }
  if (error.code === 'ERR_INTERNAL')
    return new SystemUnderTestError(error.message, { cause: error });
  return new InputError([{ where: source, message: `${error.message} (${error.code})` }]);
}
