// MMLU and C-Eval by the protocol of lm-evaluation-harness 0.4: the subject's sentence, the first examples of the dev split,
// the question with its four choices, and the letters weighed as continuations.

import {
  cevalSubjects,
  mmluSubjects,
  openCeval,
  openMmlu,
  type Question,
  type QuestionSubject,
} from '../../../datasets/index.js';
import { shorten } from '../../config-files.js';
import { InputError } from '../../errors.js';
import { stripBlanks } from '../../python-text.js';
import type { ChoiceItem } from '../item.js';
import {
  type BuiltTask,
  type LeafTask,
  limitRows,
  type TaskDefinition,
  type TaskTerms,
} from './task.js';
import { cevalData, mmluData } from './task-data.js';

const letters = ['A', 'B', 'C', 'D'] as const;

/** A protocol's own words. */
interface Wording {
  readonly prefix: string;
  readonly version: string;
  readonly answerCue: string;
  readonly hasAccNorm: boolean;
  describe(subject: string): string;
}

const mmluWording: Wording = {
  prefix: 'mmlu_',
  version: '1.0',
  answerCue: 'Answer:',
  hasAccNorm: false,
  describe: (subject) =>
    `The following are multiple choice questions (with answers) about ${subject.replaceAll('_', ' ')}.\n\n`,
};

const cevalWording: Wording = {
  prefix: 'ceval-valid_',
  version: '2.0',
  answerCue: '答案：',
  hasAccNorm: true,
  describe: (subject) =>
    `以下是中国关于${cevalSubjects[subject]}的单项选择题，请选出其中的正确答案。\n\n`,
};

export const mmluTask: TaskDefinition = {
  name: 'mmlu',
  data: mmluData,
  defaultShots: 5,
  maxShots: 5,
  async build(terms) {
    const built = buildSubjects(await openMmlu(terms.folder), terms, mmluWording);
    const names = built.map(({ name }) => name);
    const categories = Object.entries(mmluSubjects).map(([category, subjects]) => ({
      name: `mmlu_${category}`,
      version: '2',
      members: subjects.map((subject) => `mmlu_${subject}`).filter((name) => names.includes(name)),
    }));
    return {
      leaves: built,
      groups: [
        ...categories.filter(({ members }) => members.length > 0),
        { name: 'mmlu', version: '2', members: names },
      ],
    };
  },
};

export const cevalTask: TaskDefinition = {
  name: 'ceval',
  data: cevalData,
  defaultShots: 0,
  maxShots: 5,
  async build(terms): Promise<BuiltTask> {
    const leaves = buildSubjects(await openCeval(terms.folder), terms, cevalWording);
    const members = leaves.map(({ name }) => name);
    return { leaves, groups: [{ name: 'ceval-valid', version: '2.0', members }] };
  },
};

function buildSubjects(
  subjects: readonly QuestionSubject[],
  terms: TaskTerms,
  wording: Wording,
): LeafTask[] {
  const { shots } = terms;
  checkExamples(subjects, shots);
  return subjects.map(({ subject, examples, questions }) => {
    const solved = examples
      .slice(0, shots)
      .map((example) => `${ask(example, wording)} ${letters[example.answer]}\n\n`);
    const head = wording.describe(subject) + solved.join('');
    const name = wording.prefix + subject;
    const items = limitRows(questions, terms.limit).map((question, at): ChoiceItem => {
      const context = head + ask(question, wording);
      return {
        kind: 'choice',
        id: `${name}/${at}`,
        task: name,
        requests: letters.map((letter) => ({ context, continuation: ` ${letter}` })),
        lengths: wording.hasAccNorm ? letters.map((letter) => letter.length) : [],
        answer: question.answer,
      };
    });
    return { name, version: wording.version, shots, items };
  });
}

/** Faulty subjects that are told; the rest are counted. */
const maxToldSubjects = 5;

/** @throws InputError naming the files that lack examples. */
function checkExamples(subjects: readonly QuestionSubject[], shots: number): void {
  const short = subjects.filter(({ examples }) => examples.length < shots);
  if (short.length === 0) return;
  const faults = short.slice(0, maxToldSubjects).map(({ subject, examples, examplesFile }) => {
    const found = examplesFile.isThere
      ? `has ${examples.length} solved examples of subject ${subject}`
      : `does not exist, which holds the solved examples of subject ${subject}`;
    const message = `${found}; wanted: ${shots}, or --shots ${examples.length}`;
    return { where: shorten(examplesFile.path), message };
  });
  const left = short.length - faults.length;
  if (left > 0) {
    faults.push({ where: '--data', message: `${left} more subjects lack solved examples` });
  }
  throw new InputError(faults);
}

function ask({ question, choices }: Question, { answerCue }: Wording): string {
  const lines = choices.map((choice, at) => `${letters[at]}. ${choice}\n`).join('');
  return `${stripBlanks(question)}\n${lines}${answerCue}`;
}
