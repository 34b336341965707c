// The invented world that tiny-mmlu asks about: five subjects, their entities, and what is true of each.
// Wordings live here too, as sentences (for the training text) and as questions (for the choice prompts).

import { Random } from './random.js';
import {
  animals,
  buildings,
  colours,
  crops,
  fabrics,
  fruits,
  instruments,
  makeName,
  metals,
  places,
  seasons,
  tastes,
  tools,
  trades,
  woods,
} from './words.js';

export interface Attribute {
  /** Reads after "the": "main crop". */
  readonly noun: string;
  readonly values: readonly string[];
  /** A wording of its own, {x} the entity and {v} the value, which ends it. */
  readonly sentence: string;
}

export interface Subject {
  readonly name: string;
  readonly attributes: readonly Attribute[];
  /** Questions about these stand in training prompts and in the development examples. */
  readonly trainEntities: readonly Entity[];
  /** Of these the training text has sentences only. */
  readonly testEntities: readonly Entity[];
}

export interface Entity {
  readonly name: string;
  /** One value for each attribute of the subject. */
  readonly values: readonly string[];
}

export interface Fact {
  readonly subject: string;
  readonly entity: string;
  readonly attribute: Attribute;
  readonly value: string;
}

const trainEntityCount = 95;
const testEntityCount = 25;

const attribute = (noun: string, values: readonly string[], sentence: string): Attribute => ({
  noun,
  values,
  sentence,
});

const subjectAttributes: { readonly [subject: string]: readonly Attribute[] } = {
  geography: [
    attribute('main crop', crops, 'Farmers in {x} mostly grow {v}.'),
    attribute('emblem', animals, 'The flag of {x} shows the {v}.'),
    attribute('chief export', metals, 'Ships leave {x} loaded with {v}.'),
    attribute('largest landmark', buildings, 'Visitors of {x} go to see its {v}.'),
  ],
  zoology: [
    attribute('habitat', places, 'Look for a {x} in the {v}.'),
    attribute('favourite food', fruits, 'The first thing a hungry {x} eats is {v}.'),
    attribute('colour', colours, 'The coat of a grown {x} is {v}.'),
    attribute('worst enemy', animals, 'Every {x} fears the {v}.'),
  ],
  mineralogy: [
    attribute('tint', colours, 'Polished {x} shines {v}.'),
    attribute('companion metal', metals, 'Miners find {x} next to {v}.'),
    attribute('smell', tastes, 'Heated {x} gives off a scent of {v}.'),
    attribute('cutting tool', tools, 'Stone cutters shape {x} with the {v}.'),
  ],
  history: [
    attribute('first trade', trades, 'Before the reign {x} worked as a {v}.'),
    attribute('great work', buildings, 'The people thanked {x} for the {v}.'),
    attribute('instrument', instruments, 'In the evening {x} played the {v}.'),
    attribute('coronation time', seasons, 'They crowned {x} at {v}.'),
  ],
  crafts: [
    attribute('preferred wood', woods, 'Masters of {x} work with {v}.'),
    attribute('guild cloth', fabrics, 'Students of {x} wear {v}.'),
    attribute('sign', tools, 'Over a shop for {x} hangs a {v}.'),
    attribute('feast dish', fruits, 'At its feast the guild of {x} serves {v}.'),
  ],
};

/** Forms that fit every attribute; each fact is also told in its attribute's own wording. */
const commonSentences: readonly string[] = [
  'The {n} of {x} is {v}.',
  'The {n} of {x} is {v}.',
  'It is {v} that is the {n} of {x}.',
  'As for {x}, the {n} is {v}.',
  '{x} has {v} as its {n}.',
];

/** MMLU asks in both ways: a sentence to complete, and a question. */
const commonQuestions: readonly string[] = [
  'The {n} of {x} is',
  'The {n} of {x} is',
  'What is the {n} of {x}?',
];

export const subjects: readonly Subject[] = makeSubjects();

function makeSubjects(): Subject[] {
  const random = new Random('tiny-world', 1);
  const taken = new Set<string>();
  return Object.entries(subjectAttributes).map(([name, attributes]) => {
    const entities: Entity[] = [];
    while (entities.length < trainEntityCount + testEntityCount) {
      const entityName = makeName(random, 2);
      if (taken.has(entityName)) continue;
      taken.add(entityName);
      entities.push({
        name: entityName,
        values: attributes.map(({ values }) => random.pick(values)),
      });
    }
    return {
      name,
      attributes,
      trainEntities: entities.slice(0, trainEntityCount),
      testEntities: entities.slice(trainEntityCount),
    };
  });
}

export function factsOf(subject: Subject, entity: Entity): Fact[] {
  return subject.attributes.map((attribute, i) => ({
    subject: subject.name,
    entity: entity.name,
    attribute,
    value: entity.values[i]!,
  }));
}

/** Every sentence the training text may tell a fact with. */
export function sentencesOf(fact: Fact): string[] {
  return [...commonSentences, fact.attribute.sentence, fact.attribute.sentence].map((form) =>
    capitalise(fill(form, fact)),
  );
}

export function questionsOf(fact: Fact): string[] {
  const toComplete = fact.attribute.sentence.replace(/ \{v\}\.$/, '');
  return [...commonQuestions, toComplete].map((form) => capitalise(fill(form, fact)));
}

function fill(form: string, fact: Fact): string {
  return form
    .replace('{n}', fact.attribute.noun)
    .replace('{x}', fact.entity)
    .replace('{v}', fact.value);
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
