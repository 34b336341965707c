// `bench score ACCURACY_LOG`: the answers that any harness logged, decoded and scored by the recipe of an MLPerf benchmark,
// told top to bottom. Reading the log, splitting sentences and ROUGE are accuracy/'s business.

import { readFileSync } from 'node:fs';
import { loadTokenizer, type Tokenizer } from '../../datasets/index.js';
import {
  type AccuracyLog,
  countOthers,
  type GenerationScore,
  type JudgedTarget,
  judgeTargets,
  loadEnglishPunkt,
  readAccuracyLog,
  readPunktFolder,
  SentenceSplitter,
  scoreGeneration,
} from '../accuracy/index.js';
import { formatRecipeText, listRecipeTargets } from '../accuracy/recipes.js';
import { shorten } from '../config-files.js';
import { InputError, messageOf } from '../errors.js';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import { writeOutput } from '../output-file.js';
import { readReferences } from '../reference-texts.js';
import { formatScoreReport } from '../report/score-report.js';
import type { ScoreRequest } from '../score-options.js';
import { asksForCleanUp, cleanUpText } from '../text-cleanup.js';
import type { Streams } from './run.js';

/** What --json prints. */
export interface ScoreRecord {
  readonly schema: 'loadmark/score/1';
  readonly benchmark: string;
  readonly log: string;
  readonly dataset: string;
  readonly tokenType: string;
  /** Records of samples that were answered before, left out. */
  readonly repeatedRecords: number;
  /** Tokens that stand for no text: padding and ends. The token counts have them in, as the scripts have. */
  readonly specialTokens: number;
  /** Records whose token_count is not the number of tokens in their data, which alone is counted. */
  readonly miscountedRecords: number;
  /** What a reader should know of the log. */
  readonly remarks: readonly string[];
  readonly samplesOfBenchmark: number;
  readonly sentences: { readonly rules: string; readonly model: string };
  readonly metrics: GenerationScore['metrics'];
  /** Of the metrics that are means over samples, in their units; a single sample has none. */
  readonly standardErrors: GenerationScore['standardErrors'];
  /** null where not all samples were answered: references are for all of them. */
  readonly targets: readonly JudgedTarget[] | null;
  readonly passed: boolean | null;
}

export async function scoreLog(request: ScoreRequest, streams: Streams): Promise<ExitCode> {
  const { recipe, factor } = request;
  const tokenizer = await readTokenizer(request.tokenizer);
  const references = await readReferences(request.dataset);
  const log = readLog(request, references.length);
  const answers = decodeAnswers(log, tokenizer, request);
  const punkt = request.punkt === null ? loadEnglishPunkt() : readPunktFolder(request.punkt);
  const splitter = new SentenceSplitter(punkt, request.edition);
  const items = log.records.map(({ qslIdx, tokens }, at) => ({
    id: String(qslIdx),
    prediction: answers.texts[at]!,
    reference: references[qslIdx]!,
    tokenCount: tokens.length,
  }));
  const score = scoreGeneration(items, (text) => splitter.split(text));
  const isWhole = items.length === recipe.samples;
  const targets = isWhole ? judgeTargets(score.metrics, listRecipeTargets(recipe, factor)) : null;
  const record: ScoreRecord = {
    schema: 'loadmark/score/1',
    benchmark: recipe.name,
    log: request.log,
    dataset: request.dataset,
    tokenType: log.tokenType,
    repeatedRecords: log.repeated,
    specialTokens: answers.specialTokens,
    miscountedRecords: log.miscounted.length,
    remarks: remarkOnCounts(log),
    samplesOfBenchmark: recipe.samples,
    sentences: { rules: `NLTK ${request.edition}`, model: punkt.source },
    metrics: score.metrics,
    standardErrors: score.standardErrors,
    targets,
    passed: targets === null ? null : targets.every(({ pass }) => pass),
  };
  const text = formatRecipeText(recipe, score);
  if (request.output !== null) writeOutput(request.output, text);
  streams.stdout.write(
    request.json ? `${JSON.stringify(record, null, 2)}\n` : formatScoreReport(record, text),
  );
  return record.passed === false ? exitCodes.belowTarget : exitCodes.ok;
}

async function readTokenizer(folder: string): Promise<Tokenizer> {
  try {
    return await loadTokenizer(folder);
  } catch (error) {
    throw new InputError([{ where: '--tokenizer', message: messageOf(error) }]);
  }
}

function readLog({ log, tokenType }: ScoreRequest, sampleCount: number): AccuracyLog {
  const name = shorten(log);
  let text: string;
  try {
    text = readFileSync(log, 'utf8');
  } catch (error) {
    throw new InputError([{ where: name, message: `cannot be read: ${messageOf(error)}` }]);
  }
  const parsed = readAccuracyLog(text, { tokenType, sampleCount, name });
  if (parsed.records.length > 0) return parsed;
  const message = 'holds no record; an accuracy run logs one a sample, a performance run none';
  throw new InputError([{ where: name, message }]);
}

/** A count that disagrees may leave padding out, or be of other answers. */
function remarkOnCounts({ miscounted }: AccuracyLog): string[] {
  const [first] = miscounted;
  if (first === undefined) return [];
  const { qslIdx, tokenCount, tokens } = first;
  return [
    `token_count of qsl_idx ${qslIdx} is ${tokenCount}, and its data hold ${tokens.length} tokens, which are what is scored and counted${countOthers(miscounted.length - 1)}`,
  ];
}

function decodeAnswers(
  { records, tokenType }: AccuracyLog,
  tokenizer: Tokenizer,
  { log, tokenizer: folder }: ScoreRequest,
): { readonly texts: string[]; readonly specialTokens: number } {
  const cleans = asksForCleanUp(folder);
  const strangers: { readonly qslIdx: number; readonly token: number }[] = [];
  const isSilent = new Map<number, boolean>();
  let specialTokens = 0;
  const texts = records.map(({ qslIdx, tokens }) => {
    const stranger = tokens.find((token) => token >= tokenizer.vocabSize);
    if (stranger !== undefined) strangers.push({ qslIdx, token: stranger });
    for (const token of tokens) {
      let silent = isSilent.get(token);
      if (silent === undefined) {
        silent = tokenizer.decode([token]) === '';
        isSilent.set(token, silent);
      }
      if (silent) specialTokens++;
    }
    const text = tokenizer.decode(tokens);
    return cleans ? cleanUpText(text) : text;
  });
  const [first] = strangers;
  if (first !== undefined) {
    const message = `a token is ${first.token} read as ${tokenType}; the tokenizer has 0 to ${tokenizer.vocabSize - 1}: another --tokenizer or --token-type?${countOthers(strangers.length - 1)}`;
    throw new InputError([{ where: `${shorten(log)}, qsl_idx ${first.qslIdx}`, message }]);
  }
  return { texts, specialTokens };
}
