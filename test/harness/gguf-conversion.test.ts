// Is a GGUF file written out as the checkpoint that transformers reads from it, to the bit, and refused where it is no
// plain Llama?

import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer } from '../../datasets/index.js';
import { convertGguf } from '../../harness/gguf-conversion.js';
import { extractFile } from '../../harness/zip-archive.js';

const golden = join(import.meta.dirname, '../golden/gguf-conversion');
const source = join(golden, 'model.gguf');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-gguf-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Golden {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: Readonly<Record<string, { readonly shape: number[]; readonly sha256: string }>>;
}

function readTensors(path: string): Golden['tensors'] {
  const bytes = readFileSync(path);
  const start = 8 + Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { readonly dtype: string; readonly shape: number[]; readonly data_offsets: [number, number] }
  >;
  const { __metadata__, ...tensors } = header;
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, shape, data_offsets }]) => {
      expect(dtype).toBe('BF16');
      const [first, last] = data_offsets;
      const data = bytes.subarray(start + first, start + last);
      return [name, { shape, sha256: createHash('sha256').update(data).digest('hex') }];
    }),
  );
}

describe('convertGguf', () => {
  it('writes the tensors, the configuration and the tokenizer that transformers reads', async () => {
    const out = mkdtempSync(join(folder, 'out-'));
    convertGguf(source, out, 'a test');
    const wanted = JSON.parse(readFileSync(join(golden, 'golden.json'), 'utf8')) as Golden;
    expect(readTensors(join(out, 'model.safetensors'))).toEqual(wanted.tensors);
    const config: unknown = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
    expect(config).toMatchObject(wanted.config);
    expect(config).toMatchObject({ rms_norm_eps: 1e-5, rope_theta: 100_000, head_dim: 16 });
    const [written, embedded] = await Promise.all([loadTokenizer(out), loadTokenizer(source)]);
    for (const text of ["It's 1234 o'clock\n\n 你好 👋", '<|im_end|>', '\u0085a\ufeff b']) {
      expect(written.encode(text)).toEqual(embedded.encode(text));
      expect(written.encodeMarked(text)).toEqual(embedded.encodeMarked(text));
    }
    expect([written.bosId, written.eosId]).toEqual([null, 2]);
    expect(written.chatTemplate).toBe(embedded.chatTemplate);
  });

  it.each<[string, (bytes: Buffer) => Buffer | undefined, RegExp]>([
    [
      'another architecture',
      (bytes) => void bytes.write('gemma', bytes.indexOf('general.architecture') + 32),
      /general\.architecture is "gemma"; allowed: "llama"/,
    ],
    [
      'a format that is not read here',
      (bytes) => void bytes.writeUInt32LE(12, bytes.indexOf('blk.0.ffn_up.weight') + 19 + 4 + 16),
      /blk\.0\.ffn_up\.weight: ggml_type is 12; allowed: 0 \(F32\)/,
    ],
    [
      'a tensor outside the file',
      (bytes) => void bytes.writeBigUInt64LE(2n ** 40n, bytes.indexOf('blk.0.ffn_up.weight') + 43),
      /blk\.0\.ffn_up\.weight ends at byte \d+ of a file of \d+/,
    ],
    [
      'a tensor of another model',
      (bytes) => void bytes.write('ffn_xx', bytes.indexOf('blk.1.ffn_up.weight') + 6),
      /blk\.1\.ffn_xx\.weight is no tensor of a Llama without biases/,
    ],
  ])('refuses %s', (_what, change, message) => {
    const bytes = Buffer.from(readFileSync(source));
    change(bytes);
    const own = mkdtempSync(join(folder, 'bad-'));
    writeFileSync(join(own, 'x.gguf'), bytes);
    expect(() => convertGguf(join(own, 'x.gguf'), own, 'a test')).toThrow(message);
  });
});

describe('extractFile', () => {
  // Two files, "a" deflated and "b/c" stored, written by Python's zipfile.
  const archive = Buffer.from(
    'UEsDBBQAAAAIAAAAIQAHW2adCAAAAB4AAAABAAAAYUvKTEpMwokBUEsDBBQAAAAAAAAAIQAL+UNWBgAAAAYAAAADAAAAYi9jc3RvcmVkUEsBAhQDFAAAAAgAAAAhAAdbZp0IAAAAHgAAAAEAAAAAAAAAAAAAAIABAAAAAGFQSwECFAMUAAAAAAAAACEAC/lDVgYAAAAGAAAAAwAAAAAAAAAAAAAAgAEnAAAAYi9jUEsFBgAAAAACAAIAYAAAAE4AAAAAAA==',
    'base64',
  );

  it('reads what is packed and what is stored', () => {
    expect(extractFile(archive, 'b/c', 100).toString()).toBe('stored');
    expect(extractFile(archive, 'a', 100).toString()).toBe('bibabibabibabibabibabibabibabi');
  });

  it('refuses what is not there, too large, or no archive', () => {
    expect(() => extractFile(archive, 'd', 100)).toThrow('the archive has no file "d" among its 2');
    expect(() => extractFile(archive, 'a', 10)).toThrow('a has 30 bytes; allowed: up to 10');
    expect(() => extractFile(archive.subarray(0, 60), 'a', 100)).toThrow('no end of an archive');
    expect(() => extractFile(Buffer.alloc(100), 'a', 100)).toThrow('no end of an archive');
  });
});
