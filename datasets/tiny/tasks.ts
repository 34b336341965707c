// The task families of tiny-orca: each makes a context, an instruction about it and the answer, from random names.
// Answers hold few words that are not in the context, so that they cannot be guessed without reading it.

import type { Random } from './random.js';
import {
  animals,
  colours,
  fruits,
  instruments,
  makeName,
  makeNames,
  objects,
  places,
  trades,
} from './words.js';

export interface Task {
  readonly instruction: string;
  readonly context: string;
  readonly answer: string;
}

export interface TaskFamily {
  readonly name: string;
  readonly make: (random: Random) => Task;
  /** Characters below which an answer may have fewer than 20 tokens of the built-in tokenizer; absent: none has. */
  readonly shortestTestAnswer?: number;
}

/** Two people's packing lists: give one of them. */
function makeListTask(random: Random): Task {
  const people = makeNames(random, 2);
  const things = random.draw(objects, 12);
  const lists = people.map((_, p) =>
    things.slice(p * 6, p * 6 + 6).map((thing) => `${random.pick(colours)} ${thing}`),
  );
  const asked = random.below(2);
  return {
    instruction: random.pick([
      `List what ${people[asked]} packed, in order.`,
      `Name the things of ${people[asked]} in the order given.`,
    ]),
    context: people.map((name, p) => `${name}: ${lists[p]!.join(', ')}.`).join('\n'),
    answer: `${lists[asked]!.join(', ')}.`,
  };
}

/** A queue of names: turn it round. */
function makeReverseTask(random: Random): Task {
  const names = makeNames(random, 7 + random.below(3));
  const place = random.pick(places);
  return {
    instruction: random.pick([
      'Write the queue from last to first.',
      'Reverse the order of the queue.',
    ]),
    context: `The queue at the ${place}: ${names.join(', ')}.`,
    answer: `${names.toReversed().join(', ')}.`,
  };
}

/** Who carried what from where to where: answer for two of four people. */
function makeDeliveryTask(random: Random): Task {
  const people = makeNames(random, 4);
  const towns = makeNames(random, 8);
  const things = random.draw(objects, 4);
  const rows = people.map((name, i) => ({
    name,
    thing: `${random.pick(colours)} ${things[i]}`,
    from: towns[2 * i]!,
    to: towns[2 * i + 1]!,
  }));
  const asked = random.draw(rows, 2);
  const verb = random.pick(['carried', 'brought', 'moved', 'drove']);
  return {
    instruction: `Say what ${asked[0]!.name} and ${asked[1]!.name} ${verb}, and between which towns.`,
    context: rows
      .map((row) => `${row.name} ${verb} the ${row.thing} from ${row.from} to ${row.to}.`)
      .join(' '),
    answer: asked.map((row) => `${row.name}: ${row.thing}, ${row.from} to ${row.to}.`).join(' '),
  };
}

/** Names with numbers: sort them. */
function makeSortTask(random: Random): Task {
  const names = makeNames(random, 5);
  const numbers = new Set<number>();
  while (numbers.size < names.length) numbers.add(10 + random.below(90));
  const rows = [...numbers].map((number, i) => ({ name: names[i]!, number }));
  const ascending = random.below(2) === 0;
  const sorted = rows.toSorted((a, b) => (ascending ? a.number - b.number : b.number - a.number));
  const write = (row: { name: string; number: number }): string => `${row.name} ${row.number}`;
  return {
    instruction: ascending
      ? 'Sort the entries from the smallest number to the largest.'
      : 'Sort the entries from the largest number to the smallest.',
    context: `${rows.map(write).join(', ')}.`,
    answer: `${sorted.map(write).join(', ')}.`,
  };
}

/** Owners of coloured things in places: give all of one colour. */
function makeFilterTask(random: Random): Task {
  const people = makeNames(random, 6);
  const things = random.draw(objects, 6);
  const spots = random.draw(places, 6);
  const [wanted, ...others] = random.draw(colours, 4);
  const matches = new Set(random.draw([0, 1, 2, 3, 4, 5], 3 + random.below(2)));
  const rows = people.map((name, i) => ({
    name,
    colour: matches.has(i) ? wanted! : random.pick(others),
    rest: `${things[i]}, ${spots[i]}`,
  }));
  return {
    instruction: random.pick([
      `Give every entry that is ${wanted}.`,
      `Pick the ${wanted} entries and leave out the colour.`,
    ]),
    context: rows.map((row) => `${row.name}: ${row.colour} ${row.rest}`).join('\n'),
    answer: rows
      .filter((row) => row.colour === wanted)
      .map((row) => `${row.name}, ${row.rest}`)
      .join('; ')
      .concat('.'),
  };
}

/** Records of fields: rewrite them as sentences. */
function makeRewriteTask(random: Random): Task {
  const rows = makeNames(random, 2).map((name) => ({
    name,
    town: makeName(random, 2),
    trade: random.pick(trades),
    age: 18 + random.below(70),
    pet: random.pick(animals),
    plays: random.pick(instruments),
    eats: random.pick(fruits),
  }));
  return {
    instruction: random.pick([
      'Rewrite each record as a sentence.',
      'Turn the records into sentences.',
    ]),
    context: rows
      .map((row) => random.shuffle(Object.entries(row)))
      .map((fields) => fields.map(([key, value]) => `${key} ${value}`).join('; '))
      .join('\n'),
    answer: rows
      .map(
        (row) =>
          `${row.name} of ${row.town}, ${row.trade}, ${row.age}: ${row.pet}, ${row.plays} and ${row.eats}.`,
      )
      .join(' '),
  };
}

/** Sentences about things: copy the one that mentions a given thing. */
function makeExtractTask(random: Random): Task {
  const things = random.draw(objects, 4);
  const verbs = random.draw(
    ['bought', 'lost', 'found', 'sold', 'hid', 'painted', 'broke', 'mended', 'stole', 'cleaned'],
    4,
  );
  const sentences = things.map((thing, i) => {
    const [owner, giver] = makeNames(random, 2);
    const colour = random.pick(colours);
    return random.pick([
      `Near the ${random.pick(places)}, ${owner} ${verbs[i]} ${giver}'s ${colour} ${thing} for ${11 + random.below(88)} coins.`,
      `${owner} ${verbs[i]} a ${colour} ${thing} with ${giver} the ${random.pick(trades)} and a ${random.pick(animals)}.`,
    ]);
  });
  const asked = random.below(4);
  return {
    instruction: `Copy the sentence that mentions the ${things[asked]}.`,
    context: sentences.join(' '),
    answer: sentences[asked]!,
  };
}

/** Travellers and where they went: count those of one town and name them. */
function makeCountTask(random: Random): Task {
  const people = makeNames(random, 9);
  const towns = makeNames(random, 2);
  const goers = new Set(random.draw([0, 1, 2, 3, 4, 5, 6, 7, 8], 4 + random.below(3)));
  const named = people.filter((_, i) => goers.has(i));
  return {
    instruction: random.pick([
      `Count who went to ${towns[0]}, then name them.`,
      `How many travelled to ${towns[0]}? Name them too.`,
    ]),
    context: people.map((name, i) => `${name} to ${goers.has(i) ? towns[0] : towns[1]}.`).join(' '),
    answer: `${named.length}: ${named.join(', ')}.`,
  };
}

export const taskFamilies: readonly TaskFamily[] = [
  { name: 'list', make: makeListTask },
  { name: 'reverse', make: makeReverseTask },
  { name: 'delivery', make: makeDeliveryTask },
  { name: 'sort', make: makeSortTask },
  { name: 'filter', make: makeFilterTask },
  { name: 'rewrite', make: makeRewriteTask },
  { name: 'extract', make: makeExtractTask, shortestTestAnswer: 62 },
  { name: 'count', make: makeCountTask, shortestTestAnswer: 36 },
];
