// Are pickled data frames read as pandas reads them, from pandas 1.1 to 3.1, and is everything else in a pickle refused
// with its byte, before anything runs?

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DatasetError } from '../../datasets/error.js';
import { NumpyArray } from '../../datasets/numpy-pickle.js';
import { type DataFrame, readDataFrame } from '../../datasets/pandas-pickle.js';

const golden = join(import.meta.dirname, '../golden/pandas');
const missing = 'pandas-3.1-p5-missing.pkl';
const pickles = readdirSync(golden).filter(
  (name) => /\.pkl(\.gz)?$/.test(name) && name !== missing,
);
const expected = JSON.parse(readFileSync(join(golden, 'expected.json'), 'utf8')) as Record<
  string,
  unknown[]
>;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-pickle-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function refuse(content: Buffer | string, name = 'some.pkl'): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? Buffer.from(content, 'latin1') : content);
  try {
    readDataFrame(path);
  } catch (error) {
    if (!(error instanceof DatasetError)) throw error;
    return error.message.replace(`"${path}" `, '');
  }
  throw new Error('the pickle was accepted');
}

function read(name: string): Buffer {
  const bytes = readFileSync(join(golden, name));
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

function plainColumn(frame: DataFrame, name: string): unknown[] {
  return frame.column(name).map((cell) => {
    if (!(cell instanceof NumpyArray)) return cell;
    expect(cell.tokens()).toEqual(Int32Array.from(cell.values() as number[]));
    return cell.values();
  });
}

describe('a pickled data frame', () => {
  it('is there in every generation of pandas and protocol', () => {
    expect(pickles).toHaveLength(8);
  });

  it.each(pickles)('%s has the cells that pandas reads', (name) => {
    const frame = readDataFrame(join(golden, name));
    expect(frame.columns).toEqual(Object.keys(expected));
    expect(frame.length).toBe(12);
    for (const [column, cells] of Object.entries(expected)) {
      expect(plainColumn(frame, column), column).toEqual(cells);
    }
  });

  it('has no text where pandas without Arrow has none', () => {
    const frame = readDataFrame(join(golden, missing));
    const cells = JSON.parse(readFileSync(join(golden, 'expected-missing.json'), 'utf8'));
    expect(frame.columns).toEqual(Object.keys(cells));
    for (const column of frame.columns) expect(frame.column(column)).toEqual(cells[column]);
  });

  it('has no column that it has not', () => {
    const frame = readDataFrame(join(golden, 'pandas-2.3-p4.pkl'));
    expect(() => frame.column('tokens')).toThrowError(/has no column "tokens"; it has id, system_/);
  });
});

const call = (module: string, name: string, args: string) =>
  `\x80\x04\x8c${String.fromCharCode(module.length)}${module}\x8c${String.fromCharCode(name.length)}${name}\x93${args}R.`;

describe('a pickle is refused', () => {
  it.each([
    ['posix', 'system'],
    ['os', 'system'],
    ['builtins', 'eval'],
    ['builtins', 'getattr'],
    ['subprocess', 'Popen'],
    ['pandas.core.frame', 'read_csv'],
    ['constructor', 'prototype'],
  ])('when it names %s.%s, and nothing runs', (module, name) => {
    const trace = join(folder, 'ran');
    const command = `touch ${trace}`;
    const argument = `\x8c${String.fromCharCode(command.length)}${command}\x85`;
    const at = 2 + 2 + module.length + 2 + name.length;
    expect(refuse(call(module, name, argument))).toBe(
      `is not read as a data frame: at byte ${at}: names "${module}.${name}", which is not allowed in a file of data`,
    );
    expect(existsSync(trace)).toBe(false);
  });

  it.each([
    ['GLOBAL', '\x80\x02cos\nsystem\n.', /at byte 2: names "os.system"/],
    ['INST', '\x80\x02(ios\nsystem\n.', /at byte 3: opcode INST is not allowed/],
    ['OBJ', '\x80\x02(cnumpy\ndtype\no.', /opcode OBJ is not allowed/],
    ['EXT1', '\x80\x02\x82\x01.', /opcode EXT1 is not allowed/],
    ['PERSID', '\x80\x02Pfile\n.', /opcode PERSID is not allowed/],
    ['a text protocol', '(lp0\nI1\na.', /opcode PUT is not allowed/],
    ['protocol 6', '\x80\x06N.', /at byte 0: the pickle has protocol 6; allowed: 2 to 5/],
    ['no opcode', '\x80\x04\xff', /at byte 2: 0xff is no opcode of a pickle/],
  ])('for %s', (_what, content, message) => {
    expect(refuse(content)).toMatch(message);
  });

  it.each([
    [
      'a call of what may only be named',
      '\x80\x04\x8c\x05numpy\x8c\x07ndarray\x93)R.',
      /numpy.ndarray may not be called/,
    ],
    ['a call of a list', '\x80\x04])R.', /what is no name may not be called/],
    ['a state for a list', '\x80\x04]}b.', /a state is given to what takes none/],
    [
      'an array of another class',
      '\x80\x04\x8c\x16numpy._core.multiarray\x8c\x0c_reconstruct\x93N)N\x87R.',
      /makes something else than an array/,
    ],
    ['an empty stack', '\x80\x04.', /at byte 2: a value is missing from the stack/],
    ['no mark', '\x80\x04Nt.', /at byte 3: a mark is missing from the stack/],
    [
      'a stack taken below its mark',
      '\x80\x04N(\x85.',
      /at byte 4: a value is missing from the stack/,
    ],
    ['a memo that was never written', '\x80\x04h\x07.', /at byte 2: memo 7 was never written/],
    ['appending to a dict', '\x80\x04}Na.', /appended to what is no list/],
    [
      'something else than a data frame',
      '\x80\x04]\x94.',
      /^is a pickle of something else than a data frame$/,
    ],
    ['bytes after its end', '\x80\x04].os.system', /the pickle ends, and 9 bytes follow/],
  ])('for %s', (_what, content, message) => {
    expect(refuse(content)).toMatch(message);
  });

  it('when it is empty or cut short anywhere', () => {
    expect(refuse('')).toBe(
      'is not read as a data frame: at byte 0: the pickle is cut short: it has no end (STOP)',
    );
    const whole = read('pandas-2.3-p4.pkl');
    for (let length = 1; length < whole.length; length += 37) {
      expect(refuse(whole.subarray(0, length))).toMatch(
        /^is not read as a data frame: at byte \d+: (the pickle is cut short|a name does not end)/,
      );
    }
  });

  it('when its gzip is cut short, damaged, or unpacks without end', () => {
    const packed = gzipSync(read('pandas-2.3-p4.pkl'));
    expect(refuse(packed.subarray(0, packed.length - 300), 'cut.pkl.gz')).toBe(
      'is cut short: its gzip stream does not end',
    );
    const broken = Buffer.from(packed).fill(0xff, 200, 260);
    expect(refuse(broken, 'broken.pkl.gz')).toMatch(/^is damaged: gzip says /);
  });

  it('for bombs: a huge memo number, huge lengths, arrays of nothing', () => {
    expect(refuse('\x80\x04Nr\xff\xff\xff\xff.')).toMatch(
      /at byte 3: memo 4294967295 is beyond the 9 bytes of the pickle/,
    );
    expect(refuse('\x80\x04X\xff\xff\xff\xff.')).toMatch(/4294967295 bytes are announced and 1/);
    expect(refuse('\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xff.')).toMatch(
      /18446744073709551615 bytes are announced/,
    );
    expect(refuse(`\x80\x04\x8b\x00\x10\x00\x00${'\x01'.repeat(4096)}.`)).toMatch(
      /a whole number has 4096 bytes; allowed: up to 850/,
    );
    const array = call(
      'numpy.core.numeric',
      '_frombuffer',
      `(C\x00\x8c\x05numpy\x8c\x05dtype\x93\x8c\x02i8\x85RJ\xff\xff\xff\x7f\x85\x8c\x01Ct`,
    );
    expect(refuse(array)).toMatch(/an array of i8 and shape 2147483647 has 0 values/);
    // A text that doubles as bytes with every call: "aaaa..." encoded over and over from the memo.
    const text = `\x8c\xff${'a'.repeat(255)}\x94\x8c\x06latin1\x94`;
    const again = 'h\x02h\x00h\x01\x86R0'.repeat(40);
    const encode = `\x80\x04${text}00\x8c\x07_codecs\x8c\x06encode\x93\x940${again}N.`;
    expect(refuse(encode)).toMatch(/_codecs.encode: makes more bytes than the pickle has/);
  });

  it('for lists that hold each other a billion times over: they are read in passing, and told apart from a frame', () => {
    // Each list holds the one before it twice; 60 of them would be 2^60 items if anybody followed.
    let text = '\x80\x04]\x94';
    for (let i = 1; i < 60; i++)
      text += `]\x94(h${String.fromCharCode(i - 1)}h${String.fromCharCode(i - 1)}e`;
    const startMs = performance.now();
    expect(refuse(`${text}${'0'.repeat(59)}.`)).toMatch(/something else than a data frame/);
    expect(performance.now() - startMs).toBeLessThan(1000);
  });

  it('or read, but never anything else, whatever byte is changed', () => {
    for (const name of ['pandas-1.5-p2.pkl', 'pandas-3.1-p5.pkl', missing]) {
      const whole = read(name);
      for (let i = 0; i < 250; i++) {
        const copy = Buffer.from(whole);
        const at = (i * 7919) % copy.length;
        copy[at] = copy[at]! ^ (1 + (i % 255));
        const path = join(folder, 'changed.pkl');
        writeFileSync(path, copy);
        try {
          const frame = readDataFrame(path);
          for (const column of frame.columns) frame.column(column);
        } catch (error) {
          if (!(error instanceof DatasetError)) throw new Error(`${name}, byte ${at}: ${error}`);
        }
      }
    }
  });
});
