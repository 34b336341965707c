// How does pandas 3 write a column of texts into a pickle? As the buffers of an Arrow array: offsets, bytes, and which
// values there are. (Source: the Arrow columnar format, variable-size binary layout.)

import { PickleGlobal, PickleObject } from './pickle.js';

/** Bytes of one offset, by the type's name. */
const offsetBytes: Readonly<Record<string, number>> = { string: 4, large_string: 8 };

class ArrowType {
  constructor(readonly alias: string) {}
}

/** Texts with holes (null). */
class ArrowArray {
  constructor(readonly values: readonly (string | null)[]) {}
}

/** A column of texts; its values are there once its state is. */
export class ArrowStrings extends PickleObject {
  values: readonly (string | null)[] = [];

  override setState(state: unknown): void {
    const array = state instanceof Map ? state.get('_pa_array') : undefined;
    if (!(array instanceof ArrowArray)) throw new Error('a column of texts has no array');
    this.values = array.values;
  }
}

/** ((type, length, nulls, offset, [validity, offsets, bytes], children, dictionary),) */
function restoreArray([data]: readonly unknown[]): ArrowArray {
  if (!Array.isArray(data) || data.length !== 7) throw new Error('an array of seven is missing');
  const [type, length, , offset, buffers] = data;
  const width = type instanceof ArrowType ? offsetBytes[type.alias] : undefined;
  if (width === undefined) throw new Error('the type is none of string, large_string');
  if (!isCount(length) || !isCount(offset) || !Array.isArray(buffers) || buffers.length !== 3) {
    throw new Error('length, offset or buffers are missing');
  }
  const [validity, starts, bytes] = buffers;
  if (!(starts instanceof Uint8Array) || (offset + length + 1) * width > starts.length) {
    throw new Error(`${length} texts have too few offsets`);
  }
  const text = bytes instanceof Uint8Array ? bytes : new Uint8Array(0);
  const isThere = readValidity(validity, offset + length);
  const view = new DataView(starts.buffer, starts.byteOffset, starts.byteLength);
  const start = (i: number) =>
    width === 4 ? view.getInt32(i * 4, true) : Number(view.getBigInt64(i * 8, true));
  const buffer = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  const values = Array.from({ length }, (_, i) => {
    const at = offset + i;
    const [from, to] = [start(at), start(at + 1)];
    if (from < 0 || to < from || to > buffer.length) throw new Error(`text ${i} lies outside`);
    return isThere(at) ? buffer.toString('utf8', from, to) : null;
  });
  return new ArrowArray(values);
}

/** A bit a value, the lowest first; all there where there are no bits. */
function readValidity(bits: unknown, count: number): (index: number) => boolean {
  if (bits === null) return () => true;
  if (!(bits instanceof Uint8Array) || bits.length * 8 < count) throw new Error('bits are missing');
  return (index) => ((bits[index >> 3]! >> (index & 7)) & 1) === 1;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** As "module name". */
export function listArrowGlobals(): [string, PickleGlobal][] {
  const strings = new PickleGlobal('pandas.arrays.ArrowStringArray', {
    create: () => new ArrowStrings(),
  });
  const restored = new WeakMap<object, ArrowArray>();
  return [
    ['pandas.arrays ArrowStringArray', strings],
    ['pandas.core.arrays.string_arrow ArrowStringArray', strings],
    [
      'pyarrow.lib _restore_array',
      new PickleGlobal('pyarrow.lib._restore_array', {
        // Once for the same buffers: a pickle that asks a thousand times gets the same texts.
        call: (args) => {
          const key = args[0];
          const known = typeof key === 'object' && key !== null ? restored.get(key) : undefined;
          const array = known ?? restoreArray(args);
          restored.set(key as object, array);
          return array;
        },
      }),
    ],
    [
      'pyarrow.lib chunked_array',
      new PickleGlobal('pyarrow.lib.chunked_array', {
        call: ([chunks]) => {
          const isList = Array.isArray(chunks) && chunks.every((c) => c instanceof ArrowArray);
          if (!isList) throw new Error('has no list of arrays');
          if (chunks.length === 1) return chunks[0];
          if (new Set(chunks).size < chunks.length) throw new Error('has the same array twice');
          return new ArrowArray(chunks.flatMap((chunk: ArrowArray) => [...chunk.values]));
        },
      }),
    ],
    [
      'pyarrow.lib type_for_alias',
      new PickleGlobal('pyarrow.lib.type_for_alias', {
        call: ([alias]) => new ArrowType(String(alias)),
      }),
    ],
    ['pyarrow.lib py_buffer', new PickleGlobal('pyarrow.lib.py_buffer', { call: ([b]) => b })],
    // What kind of text it is has no bearing on the texts.
    ['pandas StringDtype', new PickleGlobal('pandas.StringDtype', { call: () => null })],
    [
      'pandas.core.arrays.string_ StringDtype',
      new PickleGlobal('pandas.StringDtype', { call: () => null }),
    ],
  ];
}
