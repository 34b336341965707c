// wikitext by the protocol of lm-evaluation-harness 0.4: the log-probability of each page once its tokenized form is undone,
// over the words and bytes of the page as it was.

import { openWikitext } from '../../../datasets/index.js';
import { InputError } from '../../errors.js';
import { blanks } from '../../python-text.js';
import type { RollingItem } from '../item.js';
import { limitRows, type TaskDefinition } from './task.js';
import { wikitextData } from './task-data.js';

export const wikitextTask: TaskDefinition = {
  name: 'wikitext',
  data: wikitextData,
  defaultShots: 0,
  maxShots: 0,
  async build({ folder, limit, encoder, maxLength }) {
    const { files, pages: all } = await openWikitext(folder);
    if (all.length === 0) {
      const message = 'holds no page; allowed: at least one line that is not blank';
      throw new InputError([{ where: files[0]!, message }]);
    }
    const pages = limitRows(all, limit);
    const items = pages.map(
      (page, at): RollingItem => ({
        kind: 'rolling',
        id: `wikitext/${at}`,
        task: 'wikitext',
        text: detokenize(page),
        words: page.split(blankRun).length,
        bytes: Buffer.byteLength(page, 'utf8'),
      }),
    );
    const facts = {
      n_ctx: maxLength,
      stride: maxLength,
      bos: `${encoder.addsBos ? 'at the head of every page, after the' : 'none; a'} token that the first one is predicted from`,
      pages: items.length,
      words: items.reduce((sum, { words }) => sum + words, 0),
      bytes: items.reduce((sum, { bytes }) => sum + bytes, 0),
    };
    return { leaves: [{ name: 'wikitext', version: '2.0', shots: 0, items, facts }], groups: [] };
  },
};

const blankRun = new RegExp(`[${blanks}]+`);

/** A step of undoing, in order. The second of lm_eval's steps looks for slashes that no text has, and is kept as it is. */
const steps: readonly (readonly [string | RegExp, string])[] = [
  ["s '", "s'"],
  [/\/' [0-9]\//g, "/'[0-9]/"],
  [' @-@ ', '-'],
  [' @,@ ', ','],
  [' @.@ ', '.'],
  [' : ', ': '],
  [' ; ', '; '],
  [' . ', '. '],
  [' ! ', '! '],
  [' ? ', '? '],
  [' , ', ', '],
  [between('\\(', '[^)]', '\\)'), '($1)'],
  [between('\\[', '[^\\]]', '\\]'), '[$1]'],
  [between('\\{', '[^}]', '\\}'), '{$1}'],
  [between('"', '[^"]', '"'), '"$1"'],
  [between("'", "[^']", "'"), "'$1'"],
  ['= = = =', '===='],
  ['= = =', '==='],
  ['= =', '=='],
  [' \u00b0 ', '\u00b0'],
  [' \n', '\n'],
  ['\n ', '\n'],
  [' N ', ' 1 '],
  [" 's", "'s"],
];

/** Blanks inside a pair of marks. */
function between(open: string, inside: string, close: string): RegExp {
  return new RegExp(`${open}[${blanks}]*(${inside}*?)[${blanks}]*${close}`, 'g');
}

export function detokenize(page: string): string {
  return steps.reduce((text, [from, to]) => text.replaceAll(from, to), page);
}
