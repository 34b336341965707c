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
  readonly #drawn: number;

  /**
   * @param spare drawn besides and left out: lm_eval draws one more where it takes the examples' split for the one that is
   * asked, to leave out the question itself (which no train split holds).
   * @throws InputError when there are fewer rows than shots.
   */
  constructor(rows: readonly Row[], shots: number, spare = 0) {
    if (shots > 0 && rows.length < shots + spare) {
      const message = `${shots} examples are asked, and the train split has ${rows.length} rows; allowed: up to ${rows.length - spare}`;
      throw new InputError([{ where: '--shots', message }]);
    }
    this.#rows = rows;
    this.#shots = shots;
    this.#drawn = shots + spare;
  }

  draw(): Row[] {
    if (this.#shots === 0) return [];
    const drawn = this.#random.sample(this.#rows.length, this.#drawn);
    return drawn.slice(0, this.#shots).map((at) => this.#rows[at]!);
  }
}
