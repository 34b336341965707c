// Which columns does a pickled pandas DataFrame hold (pandas 1 to 3)? The stand-ins for pandas' names, and how blocks
// become columns again. Nothing of pandas or Python runs. (Source: pandas' core/internals/managers.py.)

import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { ArrowStrings, listArrowGlobals } from './arrow-strings.js';
import { DatasetError, fileReason } from './error.js';
import { listNumpyGlobals, NumpyArray } from './numpy-pickle.js';
import { listStringGlobals, PythonStrings } from './pandas-strings.js';
import {
  PickleError,
  PickleGlobal,
  type PickleGlobals,
  PickleObject,
  readPickle,
} from './pickle.js';

/** Of a pickle, unpacked: MLCommons' OpenOrca has 95 MB. */
const maxPickleBytes = 1 << 30;

/** A table: columns by name, each as long as the others. */
export interface DataFrame {
  readonly columns: readonly string[];
  readonly length: number;
  /** Of the pickle, unpacked. */
  readonly sha256: string;
  /**
   * The cells of a column from top to bottom: texts, numbers, booleans, null, lists, and arrays of numpy.
   * @throws DatasetError 'dataset-malformed' where there is no such column, or it has a type that is not read.
   */
  column(name: string): readonly unknown[];
}

/**
 * The data frame in a pickle (*.pkl), compressed with gzip or not.
 * @throws DatasetError 'dataset-not-found' or 'dataset-malformed'; the latter with the byte.
 */
export function readDataFrame(path: string): DataFrame {
  const malformed = (message: string) =>
    new DatasetError('dataset-malformed', `"${path}" ${message}`);
  const bytes = unpack(readFile(path), malformed);
  let value: unknown;
  try {
    value = readPickle(bytes, listGlobals(bytes.length));
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    throw malformed(`is not read as a data frame: ${error.message}`);
  }
  if (!(value instanceof Frame)) throw malformed('is a pickle of something else than a data frame');
  try {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { ...openFrame(value.manager, malformed), sha256 };
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    throw malformed(`is a data frame ${error.message}`);
  }
}

function readFile(path: string): Buffer {
  try {
    const { size } = statSync(path);
    if (size > maxPickleBytes) throw new Error(`it has ${size} bytes; allowed: ${maxPickleBytes}`);
    return readFileSync(path);
  } catch (error) {
    throw new DatasetError('dataset-not-found', `"${path}" cannot be read: ${fileReason(error)}`);
  }
}

function unpack(bytes: Buffer, malformed: (message: string) => DatasetError): Buffer {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  // gzip's last four bytes tell the length: one buffer of it, instead of many and their sum.
  const told = bytes.length < 18 ? 0 : bytes.readUInt32LE(bytes.length - 4);
  const chunkSize = Math.min(Math.max(told + 1, 1 << 16), maxPickleBytes);
  try {
    return gunzipSync(bytes, { chunkSize, maxOutputLength: maxPickleBytes });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'Z_BUF_ERROR') throw malformed('is cut short: its gzip stream does not end');
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      throw malformed(`unpacks to more than ${maxPickleBytes} bytes`);
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw malformed(`is damaged: gzip says ${reason}`);
  }
}

/** A data frame that does not fit together: the message says how. */
class FrameError extends Error {}

class Frame extends PickleObject {
  manager: BlockManager | null = null;

  override setState(state: unknown): void {
    const manager = state instanceof Map ? (state.get('_mgr') ?? state.get('_data')) : state;
    if (!(manager instanceof BlockManager)) throw new Error('a data frame has no blocks');
    this.manager = manager;
  }
}

class BlockManager extends PickleObject {
  axes: readonly unknown[] = [];
  blocks: readonly Block[] = [];

  fill(blocks: unknown, axes: unknown): this {
    const isList = Array.isArray(blocks) && blocks.every((block) => block instanceof Block);
    if (!isList || !Array.isArray(axes)) throw new Error('blocks or axes are missing');
    this.blocks = blocks;
    this.axes = axes;
    return this;
  }

  /** Up to pandas 1.2: (axes, values, items, { "0.14.1": { axes, blocks: [{ values, mgr_locs }] } }) */
  override setState(state: unknown): void {
    const map = Array.isArray(state) ? state[3] : undefined;
    const inner = map instanceof Map ? map.get('0.14.1') : undefined;
    const blocks = inner instanceof Map ? inner.get('blocks') : undefined;
    if (!(inner instanceof Map) || !Array.isArray(blocks)) throw new Error('blocks are missing');
    this.fill(
      blocks.map((block) =>
        block instanceof Map ? new Block(block.get('values'), block.get('mgr_locs')) : null,
      ),
      inner.get('axes'),
    );
  }
}

/** Columns of one type: their values, and which columns they are. */
class Block {
  constructor(
    readonly values: unknown,
    readonly placement: unknown,
  ) {}

  columns(): number[] {
    if (this.placement instanceof NumpyArray) return this.placement.values().map(Number);
    if (this.placement instanceof Slice) return this.placement.list();
    throw new FrameError('whose blocks have no columns');
  }

  cells(item: number, rows: number): readonly unknown[] {
    const { values } = this;
    if (isStrings(values)) return expectRows(values.values, rows);
    if (!(values instanceof NumpyArray))
      throw new FrameError('with a kind of column that is not read');
    const isFlat = values.shape.length === 1;
    if (!isFlat && item >= values.shape[0]!) throw new FrameError('whose blocks lack a column');
    return expectRows(values.values(isFlat ? 0 : item), rows);
  }
}

/** pandas 3 writes a column of texts as Arrow's array where pyarrow is installed, else as Python's texts. */
function isStrings(values: unknown): values is ArrowStrings | PythonStrings {
  return values instanceof ArrowStrings || values instanceof PythonStrings;
}

function expectRows(cells: readonly unknown[], rows: number): readonly unknown[] {
  if (cells.length === rows) return cells;
  throw new FrameError(`whose columns have ${cells.length} and ${rows} rows`);
}

/** Of columns: never more than a block has. */
const maxColumns = 100_000;

class Slice {
  constructor(
    readonly start: number,
    readonly stop: number,
    readonly step: number,
  ) {}

  list(): number[] {
    const count = Math.max(0, Math.ceil((this.stop - this.start) / this.step));
    if (count > maxColumns) throw new FrameError(`of ${count} columns`);
    return Array.from({ length: count }, (_, i) => this.start + i * this.step);
  }
}

/** Names of columns, or of rows. */
class Index {
  constructor(readonly state: ReadonlyMap<unknown, unknown>) {}

  length(): number {
    const data = this.state.get('data');
    if (data instanceof NumpyArray) return data.length;
    if (isStrings(data)) return data.values.length;
    const [start, stop, step] = ['start', 'stop', 'step'].map((key) => this.state.get(key));
    if (![start, stop, step].every(Number.isSafeInteger) || step === 0) {
      throw new FrameError('with an index that is not read');
    }
    const count = ((stop as number) - (start as number)) / (step as number);
    return Math.max(0, Math.ceil(count));
  }

  names(): string[] {
    const data = this.state.get('data');
    if (data instanceof NumpyArray) return data.values().map(String);
    if (isStrings(data)) return data.values.map(String);
    const count = this.length();
    if (count > maxColumns) throw new FrameError(`of ${count} columns`);
    const [start, step] = [Number(this.state.get('start')), Number(this.state.get('step'))];
    return Array.from({ length: count }, (_, i) => String(start + i * step));
  }
}

function openFrame(
  manager: BlockManager | null,
  malformed: (message: string) => DatasetError,
): Omit<DataFrame, 'sha256'> {
  const [items, rows] = manager?.axes ?? [];
  if (manager === null || !(items instanceof Index) || !(rows instanceof Index)) {
    throw new FrameError('without an index of columns and rows');
  }
  const columns = items.names();
  const length = rows.length();
  const places = new Map<number, { readonly block: Block; readonly item: number }>();
  for (const block of manager.blocks) {
    for (const [item, column] of block.columns().entries()) places.set(column, { block, item });
  }
  const column = (name: string): readonly unknown[] => {
    const number = columns.indexOf(name);
    if (number < 0) throw malformed(`has no column "${name}"; it has ${columns.join(', ')}`);
    const place = places.get(number);
    if (place === undefined) throw malformed(`lacks the values of its column "${name}"`);
    try {
      return place.block.cells(place.item, length);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw malformed(`has a column "${name}" that is not read: it is a data frame ${reason}`);
    }
  };
  return { columns, length, column };
}

/** Everything that a pickled data frame may name, as "module name". */
function listGlobals(pickleBytes: number): PickleGlobals {
  const frame = new PickleGlobal('pandas.DataFrame', { create: () => new Frame() });
  const manager = new PickleGlobal('pandas.BlockManager', {
    call: ([blocks, axes]) => new BlockManager().fill(blocks, axes),
    create: () => new BlockManager(),
  });
  const block = new PickleGlobal('pandas._unpickle_block', {
    call: ([values, placement]) => new Block(values, placement),
  });
  const newIndex = new PickleGlobal('pandas._new_Index', {
    call: ([, state]) => {
      if (!(state instanceof Map)) throw new Error('an index has no state');
      return new Index(state);
    },
  });
  const slice = new PickleGlobal('builtins.slice', {
    call: ([start, stop, step]) => {
      const parts = [start, stop, step ?? 1];
      if (!parts.every(Number.isSafeInteger) || (step ?? 1) === 0) {
        throw new Error('a slice is no three whole numbers');
      }
      return new Slice(start as number, stop as number, (step ?? 1) as number);
    },
  });
  const indexes = [
    'pandas.core.indexes.base Index',
    'pandas.core.indexes.range RangeIndex',
    'pandas.core.indexes.numeric Int64Index',
    'pandas Index',
    'pandas RangeIndex',
  ].map((name): [string, PickleGlobal] => [name, new PickleGlobal(name.replace(' ', '.'))]);
  return new Map([
    ...listNumpyGlobals(),
    ...listArrowGlobals(),
    ...listStringGlobals(),
    ...indexes,
    ['pandas.core.frame DataFrame', frame],
    ['pandas DataFrame', frame],
    ['pandas.core.internals.managers BlockManager', manager],
    ['pandas._libs.internals _unpickle_block', block],
    ['pandas.core.indexes.base _new_Index', newIndex],
    ['builtins slice', slice],
    ['__builtin__ slice', slice],
    ['_codecs encode', bytesOfText(pickleBytes)],
    ['builtins bytearray', new PickleGlobal('builtins.bytearray', { call: ([bytes]) => bytes })],
  ]);
}

/** Protocol 2 has no bytes and writes them as a text; all of them together are no more than the pickle itself. */
function bytesOfText(pickleBytes: number): PickleGlobal {
  let left = pickleBytes;
  return new PickleGlobal('_codecs.encode', {
    call: ([text, encoding]) => {
      if (typeof text !== 'string' || encoding !== 'latin1') throw new Error('is no latin1 text');
      left -= text.length;
      if (left < 0) throw new Error('makes more bytes than the pickle has');
      return Buffer.from(text, 'latin1');
    },
  });
}
