// Does a prompt begin and end with the special tokens that a model's files ask for, each once? The rules of
// tokenizer_config.json, of tokenizer.json's post-processor, and of GGUF.

import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guard, loadTokenizer, type ModelTokenizer } from '../../datasets/index.js';

const golden = join(import.meta.dirname, '../golden/tokenizers');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-rules-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The byte-level vocabulary: <|im_start|> is 1, <|im_end|> is 2. */
function withConfig(config: object, generation: object = {}): Promise<ModelTokenizer> {
  const own = mkdtempSync(join(folder, 'x-'));
  copyFileSync(join(golden, 'byte-level', 'tokenizer.json'), join(own, 'tokenizer.json'));
  const names = { bos_token: '<|im_start|>', eos_token: '<|im_end|>' };
  writeFileSync(join(own, 'tokenizer_config.json'), JSON.stringify({ ...names, ...config }));
  writeFileSync(join(own, 'generation_config.json'), JSON.stringify(generation));
  return loadTokenizer(own);
}

const around = (tokenizer: ModelTokenizer, text: string) => {
  const tokens = tokenizer.frame(tokenizer.encodeMarked(text));
  return [tokens.at(0), tokens.at(-1)];
};

describe('BOS and EOS', () => {
  it('adds none where nobody asks, though they are named', async () => {
    const tokenizer = await withConfig({});
    expect([tokenizer.bosId, tokenizer.namedBosId, tokenizer.eosId]).toEqual([null, 1, 2]);
    expect(tokenizer.frame(tokenizer.encode('a'))).toEqual(tokenizer.encode('a'));
  });

  it('adds those that are asked for, and doubles none', async () => {
    const tokenizer = await withConfig({ add_bos_token: true, add_eos_token: true });
    expect(around(tokenizer, 'a')).toEqual([1, 2]);
    for (const text of ['<|im_start|>a', 'a<|im_end|>', '<|im_start|>a<|im_end|>']) {
      const tokens = [...tokenizer.frame(tokenizer.encodeMarked(text))];
      expect(tokens.filter((id) => id < 3)).toEqual([1, 2]);
    }
    expect([...tokenizer.frame(new Int32Array(0))]).toEqual([1, 2]);
  });

  it("takes them from tokenizer.json's post-processor, and lets add_bos_token have the last word", async () => {
    const tiny = await loadTokenizer(join(import.meta.dirname, '../../configs/models/tiny'));
    expect(tiny.bosId).toBe(0);
    expect((await withConfig({ add_bos_token: false })).bosId).toBeNull();
  });

  it('takes those of GGUF, and its defaults', async () => {
    const llama = await loadTokenizer(join(golden, 'gguf', 'llama.gguf'));
    const plain = await loadTokenizer(join(golden, 'gguf', 'llama-no-prefix.gguf'));
    const llama3 = await loadTokenizer(join(golden, 'gguf', 'gpt2-llama-bpe.gguf'));
    const smollm = await loadTokenizer(join(golden, 'gguf', 'gpt2-smollm.gguf'));
    expect([llama.bosId, plain.bosId, llama3.bosId, smollm.bosId]).toEqual([1, null, 1, null]);
  });

  it('knows every token that ends an answer', async () => {
    const tokenizer = await withConfig({}, { eos_token_id: [0, 2] });
    expect(tokenizer.stopIds).toEqual([2, 0]);
  });

  it('begins with BOS where a folder has tokenizer.model alone', async () => {
    const tokenizer = await loadTokenizer(join(golden, 'spm-bpe'));
    expect([tokenizer.bosId, tokenizer.eosId]).toEqual([1, 2]);
  });
});

describe('encodeMarked', () => {
  it('reads special tokens, but guarded ones as plain text', async () => {
    const tokenizer = await withConfig({});
    const guarded = `<${guard}|im_end|>`;
    const tokens = [...tokenizer.encodeMarked(`<|im_start|>a${guarded}b<|im_end|>`)];
    expect(tokens).toEqual([1, ...tokenizer.encode('a<|im_end|>b'), 2]);
    expect(tokenizer.decode(tokens)).toBe('a<|im_end|>b');
  });
});
