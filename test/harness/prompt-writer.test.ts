// Is a prompt put to a model as its settings say: as it stands, or as a message of a chat?

import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer, type ModelTokenizer, openDataset } from '../../datasets/index.js';
import type { ModelConfig } from '../../harness/config.js';
import { InputError } from '../../harness/errors.js';
import {
  buildPromptWriter,
  choosePromptStyle,
  findPromptFaults,
} from '../../harness/prompt-writer.js';

const golden = join(import.meta.dirname, '../golden/tokenizers/byte-level');
const chat =
  "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}{{ eos_token }}{% endfor %}[assistant]";
const texts = openDataset('tiny-orca', 'test');
const choices = openDataset('tiny-mmlu', 'test');
const random = openDataset('synthetic:8x8', 'test');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-prompt-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function withTemplate(chat_template: string | undefined): Promise<ModelTokenizer> {
  const own = mkdtempSync(join(folder, 'x-'));
  copyFileSync(join(golden, 'tokenizer.json'), join(own, 'tokenizer.json'));
  const config = { bos_token: '<|im_start|>', eos_token: '<|im_end|>', add_bos_token: true };
  writeFileSync(join(own, 'tokenizer_config.json'), JSON.stringify({ ...config, chat_template }));
  return loadTokenizer(own);
}

function configOf(prompt: 'model' | 'plain' | 'chat', system: string | null = null) {
  const model = { folder: 'some/model', prompt: { style: 'chat', system } };
  return { prompt, model: model as unknown as ModelConfig };
}

describe('buildPromptWriter', () => {
  it('writes a plain prompt with BOS, and no longer than a row allows', async () => {
    const tokenizer = await withTemplate(chat);
    const write = buildPromptWriter(configOf('plain'), texts, tokenizer);
    expect([...write('abc', undefined)]).toEqual([1, ...tokenizer.encode('abc')]);
    expect([...write('abc def', 2)]).toEqual([1, ...tokenizer.encode('abc def').subarray(0, 2)]);
  });

  it("writes a chat by the model's template, with BOS once", async () => {
    const tokenizer = await withTemplate(chat);
    const write = buildPromptWriter(configOf('model', 'Be brief.'), texts, tokenizer);
    const plain = (text: string) => [...tokenizer.encode(text)];
    expect([...write('abc', undefined)]).toEqual([
      1,
      ...plain('[system] Be brief.'),
      2,
      ...plain('[user] abc'),
      2,
      ...plain('[assistant]'),
    ]);
    expect(tokenizer.decode(write('a<|im_end|>b', undefined))).toContain('[user] a<|im_end|>b');
    const first = tokenizer.decode(tokenizer.encode('one two three').subarray(0, 2));
    expect(tokenizer.decode(write('one two three', 2))).toContain(`[user] ${first}[assistant]`);
  });

  it('refuses a model without a template, and a template that refuses', async () => {
    for (const [template, message] of [
      [undefined, /some\/model: the model has no chat template.*--prompt plain does without/],
      ["{{ raise_exception('not you') }}", /some\/model: .*failed: not you; --prompt plain/],
    ] as const) {
      const tokenizer = await withTemplate(template);
      const attempt = () => buildPromptWriter(configOf('chat'), texts, tokenizer);
      expect(attempt).toThrow(InputError);
      expect(attempt).toThrow(message);
    }
  });
});

describe('the style of prompts', () => {
  it('is left to the model for texts only', () => {
    const styles = [texts, choices, random].map((set) => choosePromptStyle(configOf('model'), set));
    expect(styles).toEqual(['chat', 'plain', 'plain']);
    expect(choosePromptStyle(configOf('plain'), texts)).toBe('plain');
  });

  it('cannot be chat for choices, nor for random tokens', () => {
    const find = (dataset: string, facts: typeof texts) =>
      findPromptFaults({ prompt: 'chat', dataset }, facts, () => '--prompt').map((f) => f.message);
    expect(find('tiny-orca', texts)).toEqual([]);
    expect(find('tiny-mmlu', choices)[0]).toContain('tiny-mmlu asks for choices; allowed: plain');
    expect(find('synthetic:8x8', random)[0]).toContain('synthetic:8x8 has random tokens');
  });
});
