// In which of the forms that MLCommons distributes is a file? Tells by the names of its fields where id, prompt, answer
// and tokens are, and how a prompt is made of its parts.

/** The names of a form's fields, and its prompt. */
export interface RowForm {
  readonly names: {
    readonly id: string;
    readonly prompt: string;
    readonly reference: string;
    readonly tokens: string;
  };
  /** Fields that the prompt is made of. */
  readonly promptParts: readonly string[];
  /** The prompt of a row; undefined where it has none. */
  readonly prompt: (row: Readonly<Record<string, unknown>>) => unknown;
  /** The prompt is cut after so many tokens; null: never. */
  readonly maxPromptTokens: number | null;
}

const own = { id: 'id', prompt: 'prompt', reference: 'reference', tokens: 'tokens' } as const;

/** The names of this house. */
export const ownForm: RowForm = {
  names: own,
  promptParts: ['prompt'],
  prompt: ({ prompt }) => prompt,
  maxPromptTokens: null,
};

/**
 * llama2-70b's OpenOrca: `tok_input` is what a system reads, `input` its text, `output` the answer of GPT-4.
 * (Source: language/llama2-70b/processorca.py and dataset.py of mlcommons/inference.)
 */
const openOrca: RowForm = {
  names: { id: 'id', prompt: 'input', reference: 'output', tokens: 'tok_input' },
  promptParts: ['input'],
  prompt: ({ input }) => input,
  maxPromptTokens: null,
};

/**
 * CNN/DailyMail: an instruction, an article, its highlights. In llama3.1-8b's files the instruction is a map of one
 * template, and `tok_input` its tokens; gpt-j's is a plain sentence.
 * (Source: language/llama3.1-8b/download_cnndm.py, language/gpt-j/dataset.py of mlcommons/inference.)
 */
const cnnDailyMail: RowForm = {
  names: { id: 'id', prompt: 'input', reference: 'output', tokens: 'tok_input' },
  promptParts: ['instruction', 'input'],
  prompt: fillInstruction,
  maxPromptTokens: null,
};

/** gpt-j cuts its prompts: 2048 positions less 128 new tokens less one. */
const gptJPromptTokens = 1919;

/** The form of a file whose rows have these fields. */
export function recognizeForm(names: readonly string[]): RowForm {
  const has = (...wanted: string[]) => wanted.every((name) => names.includes(name));
  if (has('prompt') || has('reference')) return ownForm;
  if (has('instruction', 'input', 'output')) {
    return has('tok_input') ? cnnDailyMail : { ...cnnDailyMail, maxPromptTokens: gptJPromptTokens };
  }
  return has('tok_input', 'output') ? openOrca : ownForm;
}

function fillInstruction({ instruction, input }: Readonly<Record<string, unknown>>): unknown {
  if (typeof input !== 'string') return undefined;
  const template = typeof instruction === 'string' ? instruction : onlyTextOf(instruction);
  if (template === undefined) return undefined;
  if (template.includes('{input}')) return template.replace('{input}', () => input);
  return `${alpacaOpening}\n\n### Instruction:\n${template}\n\n### Input:\n${input}\n\n### Response:`;
}

/** What gpt-j was tuned with: the Alpaca prompt, word for word. */
const alpacaOpening =
  'Below is an instruction that describes a task, paired with an input that provides further context. ' +
  'Write a response that appropriately completes the request.';

/** { "llama": "Summarize ... {input} ..." } */
function onlyTextOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const texts = Object.values(value);
  return texts.length === 1 && typeof texts[0] === 'string' ? texts[0] : undefined;
}
