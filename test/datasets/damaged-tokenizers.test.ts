// Is a damaged tokenizer told in one sentence, with the file and the place? Every case is a whole tokenizer with one thing
// wrong; nothing of it runs, and none is accepted.

import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DatasetError, loadTokenizer } from '../../datasets/index.js';

const golden = join(import.meta.dirname, '../golden/tokenizers');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-damaged-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;

/** Writes one file into a folder of its own. */
function place(name: string, content: string | Uint8Array): string {
  const own = mkdtempSync(join(folder, `${count++}-`));
  writeFileSync(join(own, name), content);
  if (name === 'tokenizer.json') {
    const config = 'tokenizer_config.json';
    copyFileSync(join(golden, 'byte-level', config), join(own, config));
  }
  return own;
}

async function expectRefusal(path: string, message: RegExp): Promise<void> {
  const error = await loadTokenizer(path).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DatasetError);
  const text = (error as DatasetError).message;
  expect(text).toMatch(message);
  expect(text).toContain(path);
  expect(text.split('\n')).toHaveLength(1);
  expect(text.length).toBeLessThan(500);
}

interface Definition {
  added_tokens: { id: number; content: string }[];
  pre_tokenizer: unknown;
  model: { vocab: Record<string, unknown>; merges: unknown };
}

describe('tokenizer.json', () => {
  const source = readFileSync(join(golden, 'byte-level', 'tokenizer.json'), 'utf8');

  it.each<[string, (definition: Definition) => void, RegExp]>([
    [
      'a list of merges that is missing',
      ({ model }) => {
        delete (model as Partial<Definition['model']>).merges;
      },
      /model\.merges is missing; allowed: a list/,
    ],
    [
      'a merge of tokens that are not there',
      ({ model }) => {
        (model.merges as unknown[])[3] = ['no', 'where'];
      },
      /model\.merges\[3\] needs "no", which is not in model\.vocab/,
    ],
    [
      'a merge that is none',
      ({ model }) => {
        (model.merges as unknown[])[7] = 'abc';
      },
      /model\.merges\[7\] is "abc"; allowed: two tokens/,
    ],
    [
      'an id that two tokens have',
      ({ model }) => {
        model.vocab.twice = 300;
      },
      /model\.vocab gives the id 300 to ".+" and to "twice"/,
    ],
    [
      'an id that is no id',
      ({ model }) => {
        model.vocab.huge = 1e15;
      },
      /model\.vocab has "huge" with the id 1000000000000000; allowed: 0 to/,
    ],
    [
      'an added token in the place of another',
      ({ added_tokens }) => {
        added_tokens[1]!.content = '<|other|>';
      },
      /added_tokens\[1\] gives the id 1 to "<\|other\|>", which "<\|im_start\|>" has/,
    ],
    [
      'no vocabulary',
      (definition) => {
        definition.model.vocab = {};
      },
      /model\.vocab is empty/,
    ],
    [
      'no model',
      (definition) => {
        (definition as { model: unknown }).model = 'BPE';
      },
      /model is "BPE"; allowed: an object/,
    ],
    [
      'a pre-tokenizer that nobody knows',
      (definition) => {
        definition.pre_tokenizer = { type: 'Telepathy' };
      },
      /Telepathy/,
    ],
  ])('refuses %s', async (_what, damage, message) => {
    const definition = JSON.parse(source) as Definition;
    damage(definition);
    await expectRefusal(place('tokenizer.json', JSON.stringify(definition)), message);
  });

  const split = (regex: string) => ({
    type: 'Split',
    pattern: { Regex: regex },
    behavior: 'Isolated',
    invert: false,
  });
  const withPattern = (regex: string) => {
    const definition = JSON.parse(source) as Definition;
    const { pretokenizers } = definition.pre_tokenizer as { pretokenizers: unknown[] };
    definition.pre_tokenizer = {
      type: 'Sequence',
      pretokenizers: [split(regex), ...pretokenizers],
    };
    return place('tokenizer.json', JSON.stringify(definition));
  };

  it.each([
    ['(a|a)*$', 'a'],
    ['(\\s|\\s)+$', ' '],
    ['(z+)+$', 'z'],
    ['(?:.|\\w)*\\z', 'a'],
  ])('refuses a pattern that never ends, %s', async (regex, character) => {
    await expectRefusal(
      withPattern(regex),
      new RegExp(`longer than 1000 ms for 40 times "${character}"; allowed: .* exponentially$`),
    );
  });

  it.each([
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    '\\s+$',
  ])('takes a pattern that ends, %s', async (regex) => {
    const tokenizer = await loadTokenizer(withPattern(regex));
    expect(tokenizer.decode(tokenizer.encode('The  bench, again.'))).toBe('The  bench, again.');
  });

  it('refuses a file that ends early', async () => {
    await expectRefusal(place('tokenizer.json', source.slice(0, 5000)), /is not JSON/);
  });

  it('refuses a vocabulary without an end of sequence', async () => {
    const own = place('tokenizer.json', source);
    writeFileSync(join(own, 'tokenizer_config.json'), '{}');
    await expectRefusal(own, /no end-of-sequence token is named/);
  });
});

describe('tokenizer.model', () => {
  const source = readFileSync(join(golden, 'spm-bpe', 'tokenizer.model'));
  const unigram = readFileSync(join(golden, 'spm-unigram', 'tokenizer.model'));

  it.each([1, 100, 5000, source.length - 3])('refuses a file cut at byte %i', async (bytes) => {
    const own = place('tokenizer.model', source.subarray(0, bytes));
    await expectRefusal(
      own,
      /at byte \d+: a (field has \d+ bytes, but \d+ are left|number is cut)/,
    );
  });

  it('refuses an empty file, and one of another kind', async () => {
    await expectRefusal(place('tokenizer.model', ''), /it holds no piece/);
    await expectRefusal(place('tokenizer.model', '{"model": {}}'), /at byte \d+/);
  });

  it('refuses a piece that comes twice', async () => {
    const end = 2 + source[1]!;
    const twice = Buffer.concat([source.subarray(0, end), source]);
    await expectRefusal(place('tokenizer.model', twice), /tokens 0 and 1 are both "<unk>"/);
  });

  it('refuses a table of replacements that points outside', async () => {
    // The charsmap begins with the size of its trie: 4 bytes after the field's key and length.
    const at = unigram.indexOf(Buffer.from('nmt_nfkc'));
    const bytes = Buffer.from(unigram);
    bytes.writeUInt32LE(0x7ffffffc, at + 'nmt_nfkc'.length + 4);
    await expectRefusal(
      place('tokenizer.model', bytes),
      /precompiled_charsmap has a trie of \d+ bytes/,
    );
  });

  it('never throws anything else, whichever byte is another', async () => {
    let refused = 0;
    for (let at = 0; at < source.length; at += 97) {
      const bytes = Buffer.from(source);
      bytes[at] = bytes[at]! ^ 0xff;
      const error = await loadTokenizer(place('tokenizer.model', bytes)).then(
        () => null,
        (reason: unknown) => reason,
      );
      if (error === null) continue;
      expect(error).toBeInstanceOf(DatasetError);
      refused++;
    }
    expect(refused).toBeGreaterThan(20);
  });
});

describe('GGUF', () => {
  const source = readFileSync(join(golden, 'gguf', 'gpt2-smollm.gguf'));

  function damage(change: (bytes: Buffer) => Buffer | undefined): string {
    const bytes = Buffer.from(source);
    return join(place('model.gguf', change(bytes) ?? bytes), 'model.gguf');
  }

  /** Where the value of a key begins, after its type. */
  function placeOfValue(bytes: Buffer, key: string): number {
    const at = bytes.indexOf(Buffer.from(key));
    expect(at).toBeGreaterThan(0);
    return at + key.length + 4;
  }

  it.each<[string, (bytes: Buffer) => Buffer | undefined, RegExp]>([
    [
      'another kind of file',
      () => Buffer.from('PK\u0003\u0004 nothing'),
      /at byte 0, the header: /,
    ],
    [
      'a version to come',
      (bytes) => void bytes.writeUInt32LE(9, 4),
      /at byte 4, the header: version is 9; allowed: 2 and 3/,
    ],
    [
      'more keys than the file can hold',
      (bytes) => void bytes.writeBigUInt64LE(60_000n, 16),
      /at byte 16, the header: it has 60000 keys, but \d+ bytes are left/,
    ],
    [
      'a huge array',
      (bytes) =>
        void bytes.writeBigUInt64LE(2n ** 62n, placeOfValue(bytes, 'tokenizer.ggml.tokens') + 4),
      /tokenizer\.ggml\.tokens: a size is 4611686018427387904/,
    ],
    [
      'an array longer than the file',
      (bytes) =>
        void bytes.writeBigUInt64LE(7_000_000n, placeOfValue(bytes, 'tokenizer.ggml.tokens') + 4),
      /tokenizer\.ggml\.tokens: it has 7000000 elements, but \d+ bytes are left of the file/,
    ],
    [
      'a huge text',
      (bytes) =>
        void bytes.writeBigUInt64LE(2n ** 40n, placeOfValue(bytes, 'tokenizer.ggml.model')),
      /tokenizer\.ggml\.model: a text has 1099511627776 bytes; allowed: up to/,
    ],
    [
      'an unknown way of cutting texts',
      (bytes) => void bytes.write('smolll', placeOfValue(bytes, 'tokenizer.ggml.pre') + 8),
      /tokenizer\.ggml\.pre is "smolll"; allowed: default, gpt-2,/,
    ],
    [
      'an unknown kind of vocabulary',
      (bytes) => void bytes.write('bert', placeOfValue(bytes, 'tokenizer.ggml.model') + 8),
      /tokenizer\.ggml\.model is "bert"; allowed: llama, gpt2/,
    ],
    [
      'a token of no type',
      (bytes) => void bytes.writeInt32LE(77, placeOfValue(bytes, 'tokenizer.ggml.token_type') + 12),
      /token 0 is of type 77; allowed: 1 to 6/,
    ],
    [
      'an end of sequence outside the vocabulary',
      (bytes) =>
        void bytes.writeUInt32LE(99_999, placeOfValue(bytes, 'tokenizer.ggml.eos_token_id')),
      /tokenizer\.ggml\.eos_token_id is 99999; allowed: a token id from 0 to/,
    ],
    ['an end in the middle', (bytes) => bytes.subarray(0, 9000), /at byte \d+, [\w.]+: /],
  ])('refuses %s', async (_what, change, message) => {
    await expectRefusal(damage(change), message);
  });
});
