// MMLU and C-Eval as they are distributed: four-choice questions by subject, with the solved ones that prompts begin with.

import { basename, dirname, join } from 'node:path';
import { cevalSubjects } from './ceval-subjects.js';
import { DatasetError } from './error.js';
import { mmluSubjects } from './mmlu-subjects.js';
import { type Fields, malformed, readRows } from './rows.js';
import { listFiles } from './split-files.js';

export interface Question {
  readonly question: string;
  readonly choices: readonly string[];
  /** Index into `choices`. */
  readonly answer: number;
}

export interface QuestionSubject {
  readonly subject: string;
  /** Solved, in the file's order. */
  readonly examples: readonly Question[];
  /** The file that holds `examples`; where there is none, the one that would. */
  readonly examplesFile: { readonly path: string; readonly isThere: boolean };
  /** Asked, in the file's order. */
  readonly questions: readonly Question[];
}

const letters = ['A', 'B', 'C', 'D'] as const;

/**
 * The subjects there are of MMLU: the original CSV files (`dev/<subject>_dev.csv`, `test/<subject>_test.csv`, no header),
 * or Parquet files with the columns question, choices, answer (`<subject>/test-*.parquet`, or `all/` with a column subject).
 * @throws DatasetError
 */
export function openMmlu(folder: string): Promise<QuestionSubject[]> {
  return openSubjects(folder, {
    name: 'MMLU',
    subjects: Object.values(mmluSubjects).flat(),
    examples: 'dev',
    questions: 'test',
    columns: ['question', ...letters, 'answer'],
  });
}

/**
 * The subjects there are of C-Eval: `dev/<subject>_dev.csv` and `val/<subject>_val.csv` with a header, or Parquet files.
 * @throws DatasetError
 */
export function openCeval(folder: string): Promise<QuestionSubject[]> {
  return openSubjects(folder, {
    name: 'C-Eval',
    subjects: Object.keys(cevalSubjects),
    examples: 'dev',
    questions: 'val',
    columns: null,
  });
}

interface Layout {
  readonly name: string;
  readonly subjects: readonly string[];
  /** The splits, as files call them. */
  readonly examples: string;
  readonly questions: string;
  /** Of CSV files without a header. */
  readonly columns: readonly string[] | null;
}

/** A file of one split; `subject` is null where a column tells it. */
interface SplitFile {
  readonly path: string;
  readonly split: string;
  readonly subject: string | null;
}

async function openSubjects(folder: string, layout: Layout): Promise<QuestionSubject[]> {
  const files = findSplitFiles(folder, layout);
  const bySubject = new Map<string, { examples: Question[]; questions: Question[] }>();
  const exampleFiles = files.filter(({ split }) => split === layout.examples);
  for (const { path, split, subject } of files) {
    for (const row of await readRows(
      path,
      (fields) => readQuestion(fields, subject),
      layout.columns,
    )) {
      if (!layout.subjects.includes(row.subject)) throw unknownSubject(row.subject, path, layout);
      const entry = bySubject.get(row.subject) ?? { examples: [], questions: [] };
      bySubject.set(row.subject, entry);
      entry[split === layout.examples ? 'examples' : 'questions'].push(row.question);
    }
  }
  const found = [...bySubject].map(([subject, entry]) => {
    const file = exampleFiles.find((own) => own.subject === subject || own.subject === null);
    const path = file?.path ?? placeExamples(subject, files, layout);
    return { subject, ...entry, examplesFile: { path, isThere: file !== undefined } };
  });
  const empty = found.find(({ questions }) => questions.length === 0);
  if (empty !== undefined) {
    const message = `subject ${empty.subject} has no questions: there is no ${layout.questions} file of it`;
    throw new DatasetError('dataset-not-found', `"${folder}": ${message}`);
  }
  return found.sort(
    (a, b) => layout.subjects.indexOf(a.subject) - layout.subjects.indexOf(b.subject),
  );
}

/** As the file of the subject's questions lies, but of the other split. */
function placeExamples(subject: string, files: readonly SplitFile[], layout: Layout): string {
  const { examples, questions } = layout;
  const own = files.find((file) => file.subject === subject || file.subject === null)!.path;
  return own.endsWith('.csv')
    ? join(dirname(dirname(own)), examples, `${subject}_${examples}.csv`)
    : join(dirname(own), basename(own).replace(questions, examples));
}

function readQuestion(
  fields: Fields,
  subject: string | null,
): { readonly subject: string; readonly question: Question } {
  const choices = fields.has('choices')
    ? fields.texts('choices', letters.length)
    : letters.map((letter) => fields.text(letter));
  const answer = fields.has('choices')
    ? fields.index('answer', letters.length)
    : fields.choice('answer', letters);
  return {
    subject: subject ?? fields.text('subject'),
    question: { question: fields.text('question'), choices, answer },
  };
}

function findSplitFiles(folder: string, layout: Layout): SplitFile[] {
  const { examples, questions } = layout;
  const splits = `${examples}|${questions}`;
  const csv = new RegExp(`^(${splits})/(.+)_\\1\\.csv$`);
  const parquet = new RegExp(`^(?:data/)?([^/]+)/(${splits})-[^/]*\\.parquet$`);
  const paths = listFiles(folder);
  const fromCsv = paths.flatMap((path): SplitFile[] => {
    const [, split, subject] = csv.exec(path) ?? [];
    return split === undefined ? [] : [{ path: join(folder, path), split, subject: subject! }];
  });
  if (fromCsv.length > 0) return fromCsv;
  const fromParquet = paths.flatMap((path): SplitFile[] => {
    const [, subject, split] = parquet.exec(path) ?? [];
    if (split === undefined) return [];
    return [{ path: join(folder, path), split, subject: subject === 'all' ? null : subject! }];
  });
  const isWhole = fromParquet.filter(({ subject }) => subject === null);
  if (fromParquet.length > 0) return isWhole.length > 0 ? isWhole : fromParquet;
  const wanted = `${questions}/<subject>_${questions}.csv, <subject>/${questions}-*.parquet`;
  throw new DatasetError(
    'dataset-not-found',
    `"${folder}" holds no ${layout.name}: none of ${wanted}`,
  );
}

function unknownSubject(subject: string, path: string, layout: Layout): DatasetError {
  const message = `subject "${subject}" is none of the ${layout.subjects.length} of ${layout.name}`;
  return malformed(path, [{ message, file: path }]);
}
