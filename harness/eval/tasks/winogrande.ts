// WinoGrande by partial scoring (Trinh and Le 2018), as lm-evaluation-harness 0.4 has it: the sentence up to the gap with
// either name in it is the context, what follows the gap is the same continuation of both.

import { openWinogrande, type WinograndeRow } from '../../../datasets/index.js';
import { stripBlanks } from '../../python-text.js';
import type { ChoiceItem } from '../item.js';
import { ExampleSampler } from './example-sampler.js';
import { limitRows, type TaskDefinition } from './task.js';
import { winograndeData } from './task-data.js';

export const winograndeTask: TaskDefinition = {
  name: 'winogrande',
  data: winograndeData,
  defaultShots: 0,
  maxShots: 100,
  async build({ folder, shots, limit }) {
    const rows = limitRows(await openWinogrande(folder, 'validation'), limit);
    const examples = shots > 0 ? await openWinogrande(folder, 'train') : [];
    const sampler = new ExampleSampler(examples, shots, 1);
    const items = rows.map((row, at): ChoiceItem => {
      const head = sampler
        .draw()
        .map((example) => {
          const { contexts, suffix } = splitSentence(example);
          return `${contexts[example.answer]} ${suffix}\n\n`;
        })
        .join('');
      const { contexts, suffix } = splitSentence(row);
      return {
        kind: 'choice',
        id: `winogrande/${at}`,
        task: 'winogrande',
        requests: contexts.map((context) => ({
          context: head + context,
          continuation: ` ${suffix}`,
        })),
        lengths: [],
        answer: row.answer,
      };
    });
    return { leaves: [{ name: 'winogrande', version: '1.0', shots, items }], groups: [] };
  },
};

function splitSentence({ sentence, options }: WinograndeRow): {
  readonly contexts: readonly string[];
  readonly suffix: string;
} {
  const gap = sentence.indexOf('_');
  const before = sentence.slice(0, gap);
  return {
    contexts: options.map((option) => before + option),
    suffix: stripBlanks(sentence.slice(gap + 1)),
  };
}
