// GSM8K by the protocol of lm-evaluation-harness 0.4: five worked problems drawn for each question, an answer generated up
// to a stop string, and its number found in two ways. How numbers are compared stands in gsm8k-answer.ts.

import { type Gsm8kRow, openGsm8k } from '../../../datasets/index.js';
import type { GenerationItem } from '../item.js';
import { ExampleSampler } from './example-sampler.js';
import { limitRows, type TaskDefinition } from './task.js';
import { gsm8kData } from './task-data.js';

/** Texts that end an answer; the model's own end token is one too. */
export const gsm8kStops = ['Question:', '</s>', '<|im_end|>'] as const;

const maxNewTokens = 256;

export const gsm8kTask: TaskDefinition = {
  name: 'gsm8k',
  data: gsm8kData,
  defaultShots: 5,
  maxShots: 100,
  async build({ folder, shots, limit }) {
    const rows = limitRows(await openGsm8k(folder, 'test'), limit);
    const examples = shots > 0 ? await openGsm8k(folder, 'train') : [];
    const sampler = new ExampleSampler(examples, shots);
    const items = rows.map((row, at): GenerationItem => {
      const solved = sampler.draw().map((example) => `${ask(example)} ${example.answer}\n\n`);
      return {
        kind: 'generation',
        id: `gsm8k/${at}`,
        task: 'gsm8k',
        prompt: solved.join('') + ask(row),
        until: gsm8kStops,
        maxNewTokens,
        target: row.answer,
      };
    });
    return { leaves: [{ name: 'gsm8k', version: '3.0', shots, items }], groups: [] };
  },
};

function ask({ question }: Gsm8kRow): string {
  return `Question: ${question}\nAnswer:`;
}
