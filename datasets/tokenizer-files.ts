// Where a model's tokenizer stands, and what its files say: tokenizer.json, else tokenizer.model, else the vocabulary of
// a GGUF file; and beside the first two the names and rules of tokenizer_config.json and its fellows.

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatasetError } from './error.js';
import { readGgufHead } from './gguf-file.js';
import { readGgufVocabulary } from './gguf-vocabulary.js';
import { isObject, type JsonObject, readJsonObject, show } from './json-object.js';
import { readSentencePieceModel } from './sentencepiece-model.js';
import { buildFromPieces } from './sentencepiece-tokenizer.js';
import { type AddedToken, addedToken, type TokenizerParts } from './tokenizer-parts.js';

export interface TokenizerSource {
  /** The file that errors name. */
  readonly path: string;
  /** @throws Error, or DatasetError where another file is to blame. */
  read(): Promise<TokenizerParts>;
}

const maxModelBytes = 256 << 20;

/** @throws DatasetError 'tokenizer-not-found' with what was looked for. */
export async function findTokenizerSource(folderOrFile: string): Promise<TokenizerSource> {
  const found = await stat(folderOrFile).catch(() => null);
  if (found?.isFile() === true && folderOrFile.endsWith('.gguf')) return fromGguf(folderOrFile);
  const names = found?.isDirectory() === true ? await readdir(folderOrFile) : [];
  if (names.includes('tokenizer.json')) return fromTokenizerJson(folderOrFile);
  if (names.includes('tokenizer.model')) return fromTokenizerModel(folderOrFile);
  const ggufs = names.filter((name) => name.endsWith('.gguf')).sort();
  if (ggufs.length > 0) return fromGguf(join(folderOrFile, ggufs[0]!));
  throw new DatasetError(
    'tokenizer-not-found',
    `there is no tokenizer.json in "${folderOrFile}", nor a tokenizer.model or a *.gguf`,
  );
}

function fromGguf(path: string): TokenizerSource {
  return { path, read: async () => readGgufVocabulary(readGgufHead(path)) };
}

function fromTokenizerJson(folder: string): TokenizerSource {
  const path = join(folder, 'tokenizer.json');
  const read = async (): Promise<TokenizerParts> => {
    const definition = (await readJsonObject(path)) ?? {};
    const companions = await readCompanions(folder);
    const find = (content: string) => findToken(definition, content);
    const parts = { definition, normalize: null, mergeRanks: null, byteIds: null };
    return { ...parts, ...readRules(companions, find, findFrame(definition)) };
  };
  return { path, read };
}

function fromTokenizerModel(folder: string): TokenizerSource {
  const path = join(folder, 'tokenizer.model');
  const read = async (): Promise<TokenizerParts> => {
    const { size } = await stat(path);
    if (size > maxModelBytes) {
      throw new Error(`it has ${size} bytes; allowed: up to ${maxModelBytes}`);
    }
    const model = readSentencePieceModel(await readFile(path));
    const companions = await readCompanions(folder);
    const extra = await readExtraTokens(folder, companions.tokenizer);
    const isLegacy = companions.tokenizer.legacy !== false;
    const find = (content: string): number | null => {
      const id = model.pieces.findIndex(({ text }) => text === content);
      return id >= 0 ? id : (extra.find((token) => token.content === content)?.id ?? null);
    };
    const rules = readRules(companions, find, {
      bosId: model.bosId,
      addsBos: true,
      addsEos: false,
    });
    const eosId = rules.eosId ?? model.eosId;
    return { ...buildFromPieces(model, extra, isLegacy), ...rules, eosId };
  };
  return { path, read };
}

/** Tokens that stand beside tokenizer.model: added_tokens.json, and added_tokens_decoder of tokenizer_config.json. */
async function readExtraTokens(folder: string, tokenizer: JsonObject): Promise<AddedToken[]> {
  const tokens = new Map<number, AddedToken>();
  const addedFile = (await readJsonObject(join(folder, 'added_tokens.json'))) ?? {};
  for (const [content, id] of Object.entries(addedFile)) {
    if (typeof id === 'number') tokens.set(id, addedToken(id, content, true));
  }
  const decoder = isObject(tokenizer.added_tokens_decoder) ? tokenizer.added_tokens_decoder : {};
  for (const [id, token] of Object.entries(decoder)) {
    if (!isObject(token) || typeof token.content !== 'string') continue;
    tokens.set(Number(id), addedToken(Number(id), token.content, token.special === true));
  }
  return [...tokens.values()];
}

interface Companions {
  readonly tokenizer: JsonObject;
  readonly model: JsonObject;
  readonly generation: JsonObject;
  readonly chatTemplate: string | null;
}

async function readCompanions(folder: string): Promise<Companions> {
  const read = async (name: string) => (await readJsonObject(join(folder, name))) ?? {};
  const tokenizer = await read('tokenizer_config.json');
  return {
    tokenizer,
    model: await read('config.json'),
    generation: await read('generation_config.json'),
    chatTemplate: (await readTemplateFile(folder)) ?? templateOf(tokenizer.chat_template),
  };
}

async function readTemplateFile(folder: string): Promise<string | null> {
  try {
    return await readFile(join(folder, 'chat_template.jinja'), 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw cause;
  }
}

/** One template, or a list of named ones, of which "default" counts. */
function templateOf(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return value;
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  const named = list.filter(isObject);
  const chosen = named.find(({ name }) => name === 'default') ?? null;
  if (chosen !== null && typeof chosen.template === 'string') return chosen.template;
  throw new Error(
    `chat_template of tokenizer_config.json is ${show(value)}; allowed: a text, or a list with one named "default"`,
  );
}

type Frame = Pick<TokenizerParts, 'bosId' | 'addsBos' | 'addsEos'>;
type Rules = Frame & Pick<TokenizerParts, 'eosId' | 'otherStopIds' | 'chatTemplate'>;

/** What tokenizer_config.json says counts; then what the vocabulary's own file says; then config.json's ids. */
function readRules(
  { tokenizer, model, generation, chatTemplate }: Companions,
  find: (content: string) => number | null,
  own: Frame,
): Rules {
  const named = (role: 'bos' | 'eos'): number | null => {
    const token = tokenizer[`${role}_token`];
    const content = isObject(token) ? token.content : token;
    return typeof content === 'string' ? find(content) : null;
  };
  const listed = [...idsOf(generation.eos_token_id), ...idsOf(model.eos_token_id)];
  // A name that is null says that there is none, whatever id config.json has.
  const implied = tokenizer.bos_token === null ? null : (idsOf(model.bos_token_id)[0] ?? null);
  const bosId = own.bosId ?? named('bos') ?? implied;
  const isTrue = (value: unknown, absent: boolean) => (typeof value === 'boolean' ? value : absent);
  return {
    bosId,
    eosId: named('eos') ?? idsOf(model.eos_token_id)[0] ?? null,
    otherStopIds: listed,
    addsBos: bosId !== null && isTrue(tokenizer.add_bos_token, own.addsBos || isLlama(tokenizer)),
    addsEos: isTrue(tokenizer.add_eos_token, own.addsEos),
    chatTemplate,
  };
}

/** transformers' class that adds BOS where nothing is said. */
function isLlama({ tokenizer_class }: JsonObject): boolean {
  return typeof tokenizer_class === 'string' && /^(Code)?LlamaTokenizer/.test(tokenizer_class);
}

function idsOf(value: unknown): number[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((id): id is number => Number.isInteger(id) && (id as number) >= 0);
}

function findToken({ added_tokens, model }: JsonObject, content: string): number | null {
  const added: readonly unknown[] = Array.isArray(added_tokens) ? added_tokens : [];
  const found = added.filter(isObject).find((token) => token.content === content);
  const vocab = isObject(model) ? model.vocab : undefined;
  const id =
    found?.id ?? (isObject(vocab) && Object.hasOwn(vocab, content) ? vocab[content] : null);
  if (typeof id === 'number') return id;
  const place = Array.isArray(vocab)
    ? vocab.findIndex((e) => Array.isArray(e) && e[0] === content)
    : -1;
  return place >= 0 ? place : null;
}

/** What the post-processor puts around a single text. */
function findFrame(definition: JsonObject): Frame {
  const nothing = { bosId: null, addsBos: false, addsEos: false };
  const step = definition.post_processor;
  const steps = isObject(step) && Array.isArray(step.processors) ? step.processors : [step];
  const template = steps.filter(isObject).find(({ type }) => type === 'TemplateProcessing');
  const single = template?.single;
  if (!Array.isArray(single)) return nothing;
  const textAt = single.findIndex((part) => isObject(part) && 'Sequence' in part);
  const names = single.map((part) =>
    isObject(part) && isObject(part.SpecialToken) ? String(part.SpecialToken.id) : null,
  );
  const first = names.slice(0, textAt).find((name) => name !== null) ?? null;
  const last = names.slice(textAt + 1).find((name) => name !== null) ?? null;
  const bosId = first === null ? null : findToken(definition, first);
  return { bosId, addsBos: bosId !== null, addsEos: last !== null };
}
