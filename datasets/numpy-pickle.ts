// How does numpy write its arrays, types and scalars into a pickle? The stand-ins that the pickle machine builds instead
// of them, and how their values are read. (Source: numpy's _core/src/multiarray/methods.c, array_setstate.)

import { PickleGlobal, PickleObject } from './pickle.js';

export const maxTokenId = 2 ** 31 - 1;
/** Bytes of one value, by kind and digit: "i4", "f8", "b1"; objects lie in a list. */
const typePattern = /^(?:[iu][1248]|f[48]|b1|O8?)$/;

/** An element type. Types that are not read (dates, fixed texts) can be passed over as long as nobody asks for them. */
export class NumpyType extends PickleObject {
  #isBigEndian = false;

  constructor(readonly code: string) {
    super();
  }

  get isObject(): boolean {
    return this.code.startsWith('O');
  }

  get bytes(): number {
    return Number(this.code.slice(1));
  }

  get isBigEndian(): boolean {
    return this.#isBigEndian;
  }

  /** (version, byte order, ...) */
  override setState(state: unknown): void {
    if (!Array.isArray(state) || typeof state[1] !== 'string') throw new Error('no byte order');
    this.#isBigEndian = state[1] === '>';
  }
}

/** An array of up to two dimensions. */
export class NumpyArray extends PickleObject {
  #shape: readonly number[] = [0];
  #type: NumpyType | null = null;
  #isFortran = false;
  #data: Uint8Array | readonly unknown[] = [];

  get shape(): readonly number[] {
    return this.#shape;
  }

  get length(): number {
    return this.#shape.reduce((product, size) => product * size, 1);
  }

  /** (version, shape, type, whether columns lie together, bytes or list of objects) */
  override setState(state: unknown): void {
    if (!Array.isArray(state) || state.length !== 5) throw new Error('a state of five is missing');
    this.fill(state[1], state[2], state[3] === true, state[4]);
  }

  fill(shape: unknown, type: unknown, isFortran: boolean, data: unknown): void {
    if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
      throw new Error('a shape is no list of sizes');
    }
    if (!(type instanceof NumpyType)) throw new Error('an array has no type');
    this.#shape = shape;
    this.#type = type;
    this.#isFortran = isFortran;
    if (type.isObject ? !Array.isArray(data) : !(data instanceof Uint8Array)) {
      throw new Error(`an array of ${type.code} has no data`);
    }
    this.#data = data as Uint8Array | unknown[];
    const isReadable = typePattern.test(type.code);
    const unit = type.isObject || !isReadable ? 1 : type.bytes;
    if (isReadable && this.#data.length !== this.length * unit) {
      throw new Error(
        `an array of ${type.code} and shape ${shape.join(' x ')} has ${this.#data.length / unit} values`,
      );
    }
  }

  /** Every value of row `row` of two dimensions, or of one dimension. @throws Error for a type that is not read. */
  values(row = 0): unknown[] {
    const [first = 0, second] = this.#shape;
    if (this.#shape.length > 2) throw new Error(`has ${this.#shape.length} dimensions`);
    const count = second ?? first;
    const [from, step] = this.#isFortran && second !== undefined ? [row, first] : [row * count, 1];
    if (Array.isArray(this.#data)) {
      const list = this.#data;
      return Array.from({ length: count }, (_, i) => list[from + i * step]);
    }
    const read = this.#reader();
    return Array.from({ length: count }, (_, i) => read(from + i * step));
  }

  /** A whole array of one dimension as token ids; null where a value is none. */
  tokens(): Int32Array | null {
    const type = this.#type;
    if (this.#shape.length !== 1 || type === null || !/^(?:[iu]|O)/.test(type.code)) return null;
    const ids = new Int32Array(this.length);
    const values = this.values();
    for (let i = 0; i < ids.length; i++) {
      const id = values[i];
      if (!isTokenId(id)) return null;
      ids[i] = id;
    }
    return ids;
  }

  #reader(): (index: number) => unknown {
    const type = this.#type;
    const bytes = this.#data as Uint8Array;
    if (type === null || !typePattern.test(type.code)) {
      throw new Error(`numpy's type ${type?.code ?? 'none'} is not read`);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const isLittle = !type.isBigEndian;
    const size = type.bytes;
    switch (type.code) {
      case 'b1':
        return (i) => view.getUint8(i) !== 0;
      case 'i1':
        return (i) => view.getInt8(i);
      case 'u1':
        return (i) => view.getUint8(i);
      case 'i2':
        return (i) => view.getInt16(i * size, isLittle);
      case 'u2':
        return (i) => view.getUint16(i * size, isLittle);
      case 'i4':
        return (i) => view.getInt32(i * size, isLittle);
      case 'u4':
        return (i) => view.getUint32(i * size, isLittle);
      case 'i8':
        return (i) => plainInteger(view, i * size, isLittle, true);
      case 'u8':
        return (i) => plainInteger(view, i * size, isLittle, false);
      case 'f4':
        return (i) => view.getFloat32(i * size, isLittle);
      default:
        return (i) => view.getFloat64(i * size, isLittle);
    }
  }
}

/** A number where 53 bits hold it; without a bigint where 32 do. */
function plainInteger(
  view: DataView,
  at: number,
  isLittle: boolean,
  isSigned: boolean,
): number | bigint {
  const high = view.getUint32(isLittle ? at + 4 : at, isLittle);
  if (high === 0) return view.getUint32(isLittle ? at : at + 4, isLittle);
  const value = isSigned ? view.getBigInt64(at, isLittle) : view.getBigUint64(at, isLittle);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

export function isTokenId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= maxTokenId;
}

function readScalar(type: unknown, data: unknown): unknown {
  if (!(type instanceof NumpyType)) throw new Error('a scalar has no type');
  if (type.isObject) return data;
  const array = new NumpyArray();
  array.fill([1], type, false, data);
  return array.values()[0];
}

/** numpy's names, in numpy 1 and in numpy 2 (numpy._core), as "module name". */
export function listNumpyGlobals(): [string, PickleGlobal][] {
  const ndarray = new PickleGlobal('numpy.ndarray');
  const dtype = new PickleGlobal('numpy.dtype', {
    call: ([code]) => {
      if (typeof code !== 'string') throw new Error('a type is no text');
      return new NumpyType(code.replace(/^[<>=|]/, ''));
    },
  });
  const reconstruct = new PickleGlobal('numpy._reconstruct', {
    call: ([type]) => {
      if (type !== ndarray) throw new Error('makes something else than an array');
      return new NumpyArray();
    },
  });
  const fromBuffer = new PickleGlobal('numpy._frombuffer', {
    call: ([data, type, shape, order]) => {
      const array = new NumpyArray();
      array.fill(shape, type, order === 'F', data);
      return array;
    },
  });
  const scalar = new PickleGlobal('numpy.scalar', {
    call: ([type, data]) => readScalar(type, data),
  });
  const inCore: [string, PickleGlobal][] = ['numpy.core', 'numpy._core'].flatMap((core) => [
    [`${core}.multiarray _reconstruct`, reconstruct],
    [`${core}.multiarray scalar`, scalar],
    [`${core}.numeric _frombuffer`, fromBuffer],
  ]);
  return [['numpy ndarray', ndarray], ['numpy dtype', dtype], ...inCore];
}
