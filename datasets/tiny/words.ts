// The words that the built-in data is made of: names put together from syllables, and plain English nouns that the
// tokenizer learns whole.

import type { Random } from './random.js';

const onsets = 'b br d dr f g gr h j k kl l m n p pr r s st t tr v w z'.split(' ');
const vowels = ['a', 'e', 'i', 'o', 'u'];
const codas = ['', '', '', 'l', 'n', 'r', 's', 'x'];

/** A capitalised invented name: about 120,000 of two syllables, 10 million of three. */
export function makeName(random: Random, syllables: number): string {
  let name = '';
  for (let i = 0; i < syllables; i++) {
    name += random.pick(onsets) + random.pick(vowels);
    if (i === syllables - 1) name += random.pick(codas);
  }
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** `count` different two-syllable names. */
export function makeNames(random: Random, count: number): string[] {
  const names = new Set<string>();
  while (names.size < count) names.add(makeName(random, 2));
  return [...names];
}

const list = (words: string): readonly string[] => words.split(' ');

export const colours = list(
  'red blue green black white brown yellow grey pink purple orange silver golden violet',
);
export const objects = list(
  'lamp bowl knife rope drum book chair ladder basket candle mirror hammer bottle blanket kettle needle ' +
    'bucket carpet clock spoon bell brush crown flute glove helmet lantern map pillow plate ring sack scarf ' +
    'shovel tent vase wheel whistle box coat',
);
export const trades = list(
  'baker weaver miner sailor potter tailor farmer hunter painter mason smith scribe healer guard cook pilot',
);
export const animals = list(
  'goat horse wolf fox bear hawk owl deer hare otter raven swan tiger camel badger beaver crane eagle lion seal',
);
export const crops = list(
  'barley wheat rice rye oats maize beans lentils peas cabbage carrots onions turnips hops cotton flax',
);
export const fruits = list(
  'plum apple pear cherry fig grape lemon melon peach date quince berry apricot olive',
);
export const metals = list(
  'iron copper tin lead zinc nickel bronze steel brass cobalt mercury platinum',
);
export const woods = list('oak pine maple cedar birch willow walnut elm ash poplar beech ebony');
export const places = list(
  'forest desert swamp cave river lake coast island valley hill meadow marsh canyon glacier volcano reef',
);
export const buildings = list(
  'bridge tower temple harbour library palace theatre canal castle school hospital wall market mill road well',
);
export const tools = list(
  'chisel saw anvil loom wedge file plane pliers tongs awl lathe hatchet sickle trowel rake spade',
);
export const instruments = list(
  'lute harp horn fiddle organ trumpet zither cello gong pipe lyre oboe',
);
export const seasons = list('spring summer autumn winter dawn noon dusk midnight harvest solstice');
export const tastes = list(
  'salt honey smoke mint pepper vinegar garlic ginger mustard butter vanilla cinnamon',
);
export const fabrics = list('silk wool linen velvet leather felt canvas lace denim satin fur hemp');
