// How does pandas write a column of texts into a pickle where there is no Arrow? As an array of objects in a wrapper:
// texts, and nan or NA where one is missing. (Source: pandas' _libs/arrays.pyx, NDArrayBacked.)

import { NumpyArray } from './numpy-pickle.js';
import { PickleGlobal, PickleObject } from './pickle.js';

/** A column of texts; its values are there once its state is. */
export class PythonStrings extends PickleObject {
  #array: NumpyArray | null = null;
  #values: readonly (string | null)[] | null = null;

  /** (dtype, array), or the other way round as older versions have it, with attributes behind them or not. */
  override setState(state: unknown): void {
    const parts: readonly unknown[] = Array.isArray(state) ? state.slice(0, 2) : [];
    const array = parts.find((part) => part instanceof NumpyArray);
    if (array === undefined || array.shape.length !== 1) {
      throw new Error('a column of texts has no array');
    }
    this.#array = array;
  }

  /** @throws Error where a cell is neither a text nor missing. */
  get values(): readonly (string | null)[] {
    this.#values ??= (this.#array?.values() ?? []).map((cell, row) => {
      if (typeof cell === 'string') return cell;
      if (cell === null || cell === missing || Number.isNaN(cell)) return null;
      throw new Error(`whose row ${row} of texts holds something else`);
    });
    return this.#values;
  }
}

const missing = new PickleGlobal('pandas.NA');
const wrapped = new PickleGlobal('pandas.arrays.StringArray');

/** As "module name". */
export function listStringGlobals(): [string, PickleGlobal][] {
  const unpickle = new PickleGlobal('pandas.__pyx_unpickle_NDArrayBacked', {
    call: ([type]) => {
      if (type !== wrapped) throw new Error('wraps something else than texts');
      return new PythonStrings();
    },
  });
  return [
    ['pandas._libs.arrays __pyx_unpickle_NDArrayBacked', unpickle],
    ['pandas.arrays StringArray', wrapped],
    ['pandas.core.arrays.string_ StringArray', wrapped],
    ['pandas NA', missing],
    ['pandas._libs.missing NA', missing],
  ];
}
