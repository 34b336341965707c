// Where do the data of `bench eval`'s tasks come from, and where may they lie? One table for the tasks and for `bench pull`,
// so that a task's name is the name of its data too.

export interface TaskData {
  /** What `bench pull` is given. */
  readonly name: string;
  /** The tasks that read it, as --tasks has them. */
  readonly tasks: string;
  /** The dataset on a hub, and the files of it that the tasks read. */
  readonly hub: string;
  readonly hubFiles: readonly string[];
  /** Folders the data may lie in below --data, the first there is. */
  readonly folders: readonly string[];
  /** What is to lie there. */
  readonly wanted: string;
}

export const mmluData: TaskData = {
  name: 'mmlu',
  tasks: 'mmlu',
  hub: 'cais/mmlu',
  hubFiles: ['all/test-*', 'all/dev-*'],
  folders: ['mmlu', 'cais/mmlu'],
  wanted: 'MMLU: dev/*_dev.csv and test/*_test.csv, or Parquet of cais/mmlu',
};

export const hellaswagData: TaskData = {
  name: 'hellaswag',
  tasks: 'hellaswag',
  hub: 'Rowan/hellaswag',
  hubFiles: ['validation-*.parquet', 'train-*.parquet'],
  folders: ['hellaswag', 'Rowan/hellaswag'],
  wanted:
    'HellaSwag: hellaswag_val.jsonl (and hellaswag_train.jsonl for examples), or Parquet of Rowan/hellaswag',
};

export const winograndeData: TaskData = {
  name: 'winogrande',
  tasks: 'winogrande',
  hub: 'allenai/winogrande',
  hubFiles: ['winogrande_xl/*'],
  folders: ['winogrande', 'winogrande_1.1', 'allenai/winogrande'],
  wanted:
    'WinoGrande: dev.jsonl (and train_xl.jsonl for examples), or Parquet of allenai/winogrande',
};

export const cevalData: TaskData = {
  name: 'ceval',
  tasks: 'ceval',
  hub: 'ceval/ceval-exam',
  hubFiles: ['dev-*.parquet', 'val-*.parquet'],
  folders: ['ceval', 'ceval/ceval-exam'],
  wanted: 'C-Eval: dev/*_dev.csv and val/*_val.csv, or Parquet of ceval/ceval-exam',
};

export const gsm8kData: TaskData = {
  name: 'gsm8k',
  tasks: 'gsm8k',
  hub: 'openai/gsm8k',
  hubFiles: ['main/*'],
  folders: ['gsm8k', 'openai/gsm8k'],
  wanted: 'GSM8K: test.jsonl and train.jsonl, or Parquet of openai/gsm8k',
};

export const wikitextData: TaskData = {
  name: 'wikitext',
  tasks: 'wikitext,perplexity:loadmark',
  hub: 'Salesforce/wikitext',
  hubFiles: ['wikitext-2-raw-v1/*'],
  folders: [
    'wikitext-2',
    'wikitext-2-raw-v1',
    'wikitext',
    'Salesforce/wikitext',
    'EleutherAI/wikitext_document_level',
  ],
  wanted: 'wikitext-2: test.txt or wiki.test.raw, or Parquet',
};

export const taskData: readonly TaskData[] = [
  mmluData,
  hellaswagData,
  winograndeData,
  cevalData,
  gsm8kData,
  wikitextData,
];

/** By the name of the data or of a task that reads them. */
export function findTaskData(name: string): TaskData | undefined {
  const wanted = name.startsWith('perplexity:') ? wikitextData.name : name;
  return taskData.find((data) => data.name === wanted);
}

/** By the name of a dataset on a hub, in any spelling of its letters. */
export function findTaskDataOnHub(id: string): TaskData | undefined {
  return taskData.find(({ hub }) => hub.toLowerCase() === id.toLowerCase());
}
