// tiny-mmlu: four-choice questions about the invented world, in MMLU's five-shot form. The test questions ask about
// entities of which the training text tells sentences only; examples are about the others.

import { createHash } from 'node:crypto';
import type { ChoiceSample, Dataset, Split } from '../dataset.js';
import { Random } from './random.js';
import { type Entity, type Fact, factsOf, questionsOf, type Subject, subjects } from './world.js';

export interface ChoiceQuestion {
  readonly subject: string;
  readonly question: string;
  /** Four different values of one attribute. */
  readonly options: readonly string[];
  readonly answer: number;
}

export const letters: readonly string[] = [' A', ' B', ' C', ' D'];

const shots = 5;

/** A fact as a question; distractors come from the same attribute's values, and every letter is equally likely. */
export function makeQuestion(fact: Fact, random: Random): ChoiceQuestion {
  const others = fact.attribute.values.filter((value) => value !== fact.value);
  const options = random.draw(others, letters.length - 1);
  const answer = random.below(letters.length);
  options.splice(answer, 0, fact.value);
  return { subject: fact.subject, question: random.pick(questionsOf(fact)), options, answer };
}

export function formatHeader(subject: string): string {
  return `The following are multiple choice questions (with answers) about ${subject}.\n\n`;
}

/** Ends with "Answer:"; the letter follows with its blank. */
export function formatQuestion(question: ChoiceQuestion): string {
  const options = question.options.map((option, i) => `${letters[i]!.trim()}. ${option}`);
  return `${question.question}\n${options.join('\n')}\nAnswer:`;
}

export function developmentQuestions(subject: Subject): ChoiceQuestion[] {
  const random = new Random('tiny-mmlu', 'development', subject.name);
  const facts = factsOfAll(subject, subject.trainEntities);
  return random.draw(facts, shots).map((fact) => makeQuestion(fact, random));
}

/** The whole prompt: header, solved examples, the question. */
export function formatPrompt(
  examples: readonly ChoiceQuestion[],
  question: ChoiceQuestion,
): string {
  const solved = examples.map(
    (example) => `${formatQuestion(example)}${letters[example.answer]}\n\n`,
  );
  return formatHeader(question.subject) + solved.join('') + formatQuestion(question);
}

export function factsOfAll(subject: Subject, entities: readonly Entity[]): Fact[] {
  return entities.flatMap((entity) => factsOf(subject, entity));
}

function makeQuestions(split: Split): ChoiceQuestion[] {
  return subjects.flatMap((subject) => {
    const random = new Random('tiny-mmlu', split, subject.name);
    if (split === 'test') {
      const facts = random.shuffle(factsOfAll(subject, subject.testEntities));
      return facts.map((fact) => makeQuestion(fact, random));
    }
    const facts = random.shuffle(factsOfAll(subject, subject.trainEntities));
    return facts.slice(0, 100).map((fact) => makeQuestion(fact, random));
  });
}

export function openTinyMmlu(split: Split): Dataset {
  const examples = new Map(
    subjects.map((subject) => [subject.name, developmentQuestions(subject)] as const),
  );
  const rows: ChoiceSample[] = makeQuestions(split).map((question, index) => ({
    kind: 'choice',
    id: `${split}-${index}`,
    subject: question.subject,
    prompt: formatPrompt(examples.get(question.subject) ?? [], question),
    choices: letters,
    answer: question.answer,
  }));
  const sample = (index: number): ChoiceSample => {
    const row = Number.isInteger(index) ? rows[index] : undefined;
    if (row === undefined) {
      throw new RangeError(
        `tiny-mmlu ${split} has no row ${index}; allowed: 0 to ${rows.length - 1}`,
      );
    }
    return row;
  };
  const digest = (): string => {
    const hash = createHash('sha256');
    for (const row of rows) {
      hash.update(JSON.stringify([row.id, row.subject, row.prompt, row.choices, row.answer]));
    }
    return hash.digest('hex');
  };
  return { name: 'tiny-mmlu', split, kind: 'choice', length: rows.length, sample, digest };
}
