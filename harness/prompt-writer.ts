// How does a dataset's prompt become what the model reads? As it stands, or as a user's message in the model's own chat
// template. Rows that bring their tokens are read as they are, and choices are compared after the plain prompt.

import { ChatTemplate, type Dataset, type ModelTokenizer } from '../datasets/index.js';
import type { RunConfig } from './config.js';
import { type Fault, InputError, messageOf } from './errors.js';
import type { PromptStyle, RunSettings } from './run-config.js';

/** The whole prompt in tokens; of a longer text only the first `mostTokens` tokens count. */
export type PromptWriter = (text: string, mostTokens: number | undefined) => Int32Array;

/** The style of the run, or the model's where the run leaves it to the model and texts are asked for. */
export function choosePromptStyle(
  { prompt, model }: Pick<RunConfig, 'prompt' | 'model'>,
  { kind, synthetic }: Pick<Dataset, 'kind' | 'synthetic'>,
): PromptStyle {
  if (prompt !== 'model') return prompt;
  return kind === 'generation' && synthetic === undefined ? model.prompt.style : 'plain';
}

/** A chat that is asked for where there can be none. */
export function findPromptFaults(
  { prompt, dataset: name }: Pick<RunSettings, 'prompt' | 'dataset'>,
  dataset: Pick<Dataset, 'kind' | 'synthetic'>,
  whereIs: (...path: string[]) => string,
): Fault[] {
  if (prompt !== 'chat') return [];
  const isText = dataset.kind === 'generation' && dataset.synthetic === undefined;
  if (isText) return [];
  const what = dataset.synthetic === undefined ? 'asks for choices' : 'has random tokens';
  const message = `prompt is chat, and ${name} ${what}; allowed: plain, or a dataset of texts`;
  return [{ where: whereIs('prompt'), message }];
}

/** @throws InputError when the model has no chat template that can be used. */
export function buildPromptWriter(
  config: Pick<RunConfig, 'prompt' | 'model'>,
  dataset: Dataset,
  tokenizer: ModelTokenizer,
): PromptWriter {
  if (choosePromptStyle(config, dataset) === 'plain') {
    return (text, most) => tokenizer.frame(tokenizer.encode(text).subarray(0, most));
  }
  const { folder, prompt } = config.model;
  const refuse = (error: unknown) =>
    new InputError([
      { where: folder, message: `${messageOf(error)}; --prompt plain does without` },
    ]);
  let template: ChatTemplate;
  try {
    template = new ChatTemplate(tokenizer);
  } catch (error) {
    throw refuse(error);
  }
  const before =
    prompt.system === null ? [] : [{ role: 'system' as const, content: prompt.system }];
  const write: PromptWriter = (text, most) => {
    const message = { role: 'user' as const, content: shorten(text, most, tokenizer) };
    return tokenizer.frame(tokenizer.encodeMarked(template.render([...before, message])));
  };
  try {
    write('A trial.', undefined);
  } catch (error) {
    throw refuse(error);
  }
  return write;
}

function shorten(text: string, most: number | undefined, tokenizer: ModelTokenizer): string {
  if (most === undefined) return text;
  const tokens = tokenizer.encode(text);
  return tokens.length <= most ? text : tokenizer.decode(tokens.subarray(0, most));
}
