// The text that the built-in checkpoint is trained on: tasks with answers, the world told in sentences, and choice
// prompts about the facts that the test does not ask for. Each document is a function of (seed, kind, index).

import { Random } from './random.js';
import {
  type ChoiceQuestion,
  factsOfAll,
  formatHeader,
  formatQuestion,
  letters,
  makeQuestion,
} from './tiny-mmlu.js';
import { makeOrcaSample } from './tiny-orca.js';
import { factsOf, sentencesOf, subjects } from './world.js';

export const documentKinds = ['orca', 'facts', 'choice'] as const;
export type DocumentKind = (typeof documentKinds)[number];

/** Pieces of one document in order: a text, and whether it is to be learnt (true) or only read (false). */
export type Document = readonly (readonly [text: string, learnt: boolean])[];

export function makeDocument(kind: DocumentKind, seed: number, index: number): Document {
  if (kind === 'orca') {
    const sample = makeOrcaSample('train', index);
    return [
      [sample.prompt, false],
      [sample.reference, true],
    ];
  }
  const random = new Random('tiny-corpus', seed, kind, index);
  return kind === 'facts' ? [[makeFactText(random), true]] : makeChoiceDocument(random);
}

/** One to three entities of any subject; their sentences shuffled together. Test entities are told like the others. */
function makeFactText(random: Random): string {
  const sentences: string[] = [];
  const entityCount = 1 + random.below(3);
  for (let i = 0; i < entityCount; i++) {
    const subject = random.pick(subjects);
    const entity = random.pick([...subject.trainEntities, ...subject.testEntities]);
    const told = random.shuffle(factsOf(subject, entity));
    sentences.push(...told.map((fact) => random.pick(sentencesOf(fact))));
  }
  return (random.below(2) === 0 ? sentences : random.shuffle(sentences)).join(' ');
}

/**
 * A header and two to six questions of one subject, the letters learnt. One document in six tells the facts first,
 * which teaches to pick a letter before there is anything to remember.
 */
function makeChoiceDocument(random: Random): Document {
  const subject = random.pick(subjects);
  const count = random.pick([2, 4, 6, 6, 6, 6]);
  const facts = random.draw(factsOfAll(subject, subject.trainEntities), count);
  const questions: ChoiceQuestion[] = facts.map((fact) => makeQuestion(fact, random));
  const told =
    random.below(6) === 0
      ? `${random.shuffle(facts.map((fact) => random.pick(sentencesOf(fact)))).join(' ')}\n\n`
      : '';
  return questions.flatMap((question, i) => {
    const opening = i === 0 ? told + formatHeader(subject.name) : '\n\n';
    return [
      [opening + formatQuestion(question), false],
      [letters[question.answer]!, true],
    ] as const;
  });
}
