// Which steps may a tokenizer.json have? Normalizer, pre-tokenizer, post-processor and decoder, each one step or a sequence
// of them, are looked through before the library builds them, since it names neither the field nor what it knows.

import { isObject, type JsonObject, show } from './json-object.js';

/** What a field may hold: the types that the library builds, and where a Sequence has its steps. */
interface StepKind {
  readonly types: readonly string[];
  readonly steps: string;
}

const kinds: Readonly<Record<string, StepKind>> = {
  normalizer: {
    types: [
      ...['BertNormalizer', 'Lowercase', 'NFC', 'NFD', 'NFKC', 'NFKD', 'Precompiled', 'Prepend'],
      ...['Replace', 'Sequence', 'Strip', 'StripAccents'],
    ],
    steps: 'normalizers',
  },
  pre_tokenizer: {
    types: [
      ...['BertPreTokenizer', 'ByteLevel', 'Digits', 'FixedLength', 'Metaspace', 'Punctuation'],
      ...['Replace', 'Sequence', 'Split', 'Whitespace', 'WhitespaceSplit'],
    ],
    steps: 'pretokenizers',
  },
  post_processor: {
    types: ['BertProcessing', 'ByteLevel', 'RobertaProcessing', 'Sequence', 'TemplateProcessing'],
    steps: 'processors',
  },
  decoder: {
    types: [
      ...['BPEDecoder', 'ByteFallback', 'ByteLevel', 'CTC', 'Fuse', 'Metaspace', 'Replace'],
      ...['Sequence', 'Strip', 'WordPiece'],
    ],
    steps: 'decoders',
  },
};

/**
 * @param compile throws for a regular expression that cannot be used
 * @throws Error naming the field, its value and what is allowed.
 */
export function checkSteps(definition: JsonObject, compile: (regex: string) => void): void {
  for (const [field, kind] of Object.entries(kinds)) {
    const step = definition[field];
    if (step !== undefined && step !== null) checkStep(step, field, kind, compile);
  }
}

function checkStep(
  step: unknown,
  where: string,
  kind: StepKind,
  compile: (regex: string) => void,
): void {
  if (!isObject(step)) throw new Error(`${where} is ${show(step)}; allowed: an object`);
  const { type, pattern } = step;
  if (typeof type !== 'string' || !kind.types.includes(type)) {
    throw new Error(`${where}.type is ${show(type)}; allowed: ${kind.types.join(', ')}`);
  }
  if (type === 'Sequence') {
    const steps = step[kind.steps];
    const place = `${where}.${kind.steps}`;
    if (!Array.isArray(steps)) throw new Error(`${place} is ${show(steps)}; allowed: a list`);
    for (const [i, inner] of steps.entries()) checkStep(inner, `${place}[${i}]`, kind, compile);
  }
  if (type === 'Split' || type === 'Replace') checkPattern(pattern, `${where}.pattern`, compile);
}

function checkPattern(pattern: unknown, where: string, compile: (regex: string) => void): void {
  const { Regex: regex, String: text } = isObject(pattern) ? pattern : {};
  if (typeof regex !== 'string') {
    if (typeof text === 'string') return;
    throw new Error(`${where} is ${show(pattern)}; allowed: {"Regex": text} or {"String": text}`);
  }
  try {
    compile(regex);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `${where}.Regex is ${show(regex)}; allowed: a regular expression of Oniguruma's that JavaScript has too (${reason})`,
    );
  }
}
