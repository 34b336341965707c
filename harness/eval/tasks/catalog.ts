// Which tasks `bench eval` has.

import { gsm8kTask } from './gsm8k.js';
import { hellaswagTask } from './hellaswag.js';
import { perplexityTasks } from './perplexity.js';
import { cevalTask, mmluTask } from './subject-choice.js';
import type { TaskDefinition } from './task.js';
import { wikitextTask } from './wikitext.js';
import { winograndeTask } from './winogrande.js';

export const evalTasks: readonly TaskDefinition[] = [
  mmluTask,
  hellaswagTask,
  winograndeTask,
  cevalTask,
  gsm8kTask,
  wikitextTask,
  ...perplexityTasks,
];

export const evalTaskNames: readonly string[] = evalTasks.map(({ name }) => name);
