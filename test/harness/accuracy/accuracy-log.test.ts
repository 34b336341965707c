// mlperf_log_accuracy.json in LoadGen's layout: what is read, which record counts, and what each fault is told as.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAccuracyLog, type TokenType } from '../../../harness/accuracy/index.js';
import { InputError } from '../../../harness/errors.js';

const log = (...records: string[]): string => `[\n${records.join(',\n')}\n]\n`;
const record = (seqId: number, qslIdx: number, data: string, rest = ''): string =>
  `{ "seq_id" : ${seqId}, "qsl_idx" : ${qslIdx}, "data" : "${data}"${rest} }`;

test('tokens are little-endian; the first record of a sample counts; the order is the file’s', () => {
  const text = log(
    record(5, 7, '01000000FF7F0000', ', "token_data" : "01000000", "token_count" : 2'),
    record(6, 2, ''),
    record(9, 7, '09000000'),
  );
  expect(parseAccuracyLog(text)).toEqual([
    { seqId: 5, qslIdx: 7, tokens: Int32Array.of(1, 0x7fff), tokenCount: 2 },
    { seqId: 6, qslIdx: 2, tokens: new Int32Array(0), tokenCount: null },
  ]);
});

test('int64 tokens', () => {
  const text = log(record(0, 0, '0100000000000000FFFFFF7F00000000'));
  expect(parseAccuracyLog(text, { tokenType: 'int64' })[0]!.tokens).toEqual(
    Int32Array.of(1, 0x7fffffff),
  );
});

test('a performance run’s log has no records', () => {
  expect(parseAccuracyLog('[\n]\n')).toEqual([]);
});

test.each(['int32', 'int64'] as const)(
  'any tokens survive the way there and back: %s',
  (tokenType) => {
    const toHex = (tokens: readonly number[]): string => {
      const bytes = tokenType === 'int32' ? 4 : 8;
      const buffer = Buffer.alloc(tokens.length * bytes);
      for (const [at, token] of tokens.entries()) buffer.writeUInt32LE(token, at * bytes);
      return buffer.toString('hex').toUpperCase();
    };
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0x7fffffff })), (tokens) => {
        const [read] = parseAccuracyLog(log(record(0, 0, toHex(tokens))), { tokenType });
        expect([...read!.tokens]).toEqual(tokens);
      }),
      { numRuns: 200 },
    );
  },
);

describe('refuses', () => {
  const faultsOf = (text: string, tokenType: TokenType = 'int32'): string => {
    try {
      parseAccuracyLog(text, { tokenType, name: 'a.json' });
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
      return (error as InputError).message;
    }
    return 'accepted';
  };
  test.each([
    ['', 'a.json: not JSON'],
    ['[{]', 'a.json: not JSON'],
    [`[\n${record(0, 0, '')},\n\n...\n\n]`, 'truncated for a submission'],
    ['{}', 'holds {}'],
    ['[3]', 'a.json, record 1: is 3'],
    ['[null]', 'is null'],
    ['[[]]', 'is []'],
    ['[{}]', 'seq_id is missing'],
    [log(record(-1, 0, '')), 'seq_id is -1'],
    [log(record(0, 1.5, '')), 'qsl_idx is 1.5'],
    ['[{"seq_id":0,"qsl_idx":0}]', 'data is missing'],
    ['[{"seq_id":0,"qsl_idx":0,"data":7}]', 'data is 7'],
    [log(record(0, 0, '0100')), 'data has 4 hex digits; int32 tokens take a multiple of 8'],
    [log(record(0, 0, '0100000G')), 'data has "G" at 7'],
    [log(record(0, 0, 'FFFFFFFF')), 'token 0 of data is -1 read as int32'],
    [log(record(0, 0, '', ', "token_count" : "2"')), 'token_count is "2"'],
  ])('%j', (text, message) => expect(faultsOf(text)).toContain(message));

  test('int32 data read as int64: the token says so', () => {
    expect(faultsOf(log(record(0, 0, '0100000002000000')), 'int64')).toContain('read as int64');
    expect(faultsOf(log(record(0, 0, '01000000')), 'int64')).toContain('multiple of 16');
  });

  test('several faults at once, 20 at most, each with its record', () => {
    const bad = Array.from({ length: 30 }, (_, at) => record(at, at, 'x'));
    const lines = faultsOf(log(record(0, 0, ''), ...bad)).split('\n');
    expect(lines).toHaveLength(20);
    expect(lines[0]).toContain('a.json, record 2');
  });

  test('any other text: an InputError or records, nothing else', () => {
    const good = log(record(5, 7, '01000000'), record(6, 2, ''));
    fc.assert(
      fc.property(fc.nat(good.length), fc.nat(10), fc.string(), (at, cut, insert) => {
        faultsOf(good.slice(0, at) + insert + good.slice(at + cut));
      }),
      { numRuns: 2000 },
    );
  });
});
