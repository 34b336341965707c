// Which solved examples stand before a question, where the protocol draws them: lm-evaluation-harness 0.4's default
// sampler, one draw an item in the order of the items.

import { InputError } from '../../errors.js';
import { PythonRandom } from '../python-random.js';

/** lm_eval's fewshot_random_seed. */
const seed = 1234;

export class ExampleSampler<Row> {
  readonly #random = new PythonRandom(seed);
  readonly #rows: readonly Row[];
  readonly #shots: number;

  /** @throws InputError when there are fewer rows than shots. */
  constructor(rows: readonly Row[], shots: number) {
    if (rows.length < shots) {
      const message = `${shots} examples are asked, and the train split has ${rows.length}; allowed: up to that`;
      throw new InputError([{ where: '--shots', message }]);
    }
    this.#rows = rows;
    this.#shots = shots;
  }

  draw(): Row[] {
    if (this.#shots === 0) return [];
    return this.#random.sample(this.#rows.length, this.#shots).map((at) => this.#rows[at]!);
  }
}
