// HellaSwag by the protocol of lm-evaluation-harness 0.4: the cleaned scene, and four cleaned endings weighed as
// continuations, plainly (acc) and by the characters they have (acc_norm).

import { type HellaSwagRow, openHellaSwag } from '../../../datasets/index.js';
import { capitalize, countCharacters, stripBlanks } from '../../python-text.js';
import type { ChoiceItem } from '../item.js';
import { ExampleSampler } from './example-sampler.js';
import { limitRows, type TaskDefinition } from './task.js';
import { hellaswagData } from './task-data.js';

export const hellaswagTask: TaskDefinition = {
  name: 'hellaswag',
  data: hellaswagData,
  defaultShots: 0,
  maxShots: 100,
  async build({ folder, shots, limit }) {
    const rows = limitRows(await openHellaSwag(folder, 'validation'), limit);
    const examples = shots > 0 ? await openHellaSwag(folder, 'train') : [];
    const sampler = new ExampleSampler(examples, shots, 1);
    const items = rows.map((row, at): ChoiceItem => {
      const solved = sampler.draw().map((example) => {
        const choices = example.endings.map(cleanText);
        return `${ask(example)} ${choices[example.label]}\n\n`;
      });
      const context = solved.join('') + ask(row);
      const choices = row.endings.map(cleanText);
      return {
        kind: 'choice',
        id: `hellaswag/${at}`,
        task: 'hellaswag',
        requests: choices.map((choice) => ({ context, continuation: ` ${choice}` })),
        lengths: choices.map(countCharacters),
        answer: row.label,
      };
    });
    return { leaves: [{ name: 'hellaswag', version: '1.0', shots, items }], groups: [] };
  },
};

function ask({ activityLabel, contextA, contextB }: HellaSwagRow): string {
  return cleanText(`${activityLabel}: ${contextA} ${capitalize(contextB)}`);
}

/** Marks of WikiHow's pages go; double blanks once become single ones. */
export function cleanText(text: string): string {
  return stripBlanks(text)
    .replaceAll(' [title]', '. ')
    .replace(/\[[^\n]*?\]/g, '')
    .replaceAll('  ', ' ');
}
