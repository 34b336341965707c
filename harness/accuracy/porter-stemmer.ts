// What is the stem of an English word? Porter's algorithm (M. F. Porter, "An algorithm for suffix stripping",
// Program 14(3), 1980) with the departures that NLTK's PorterStemmer makes by default; ROUGE is defined by them.
// Words come in lower case; case folding is the tokenizer's business.

/** Words whose stem is not left to the rules. */
const IRREGULAR_STEMS: ReadonlyMap<string, string> = new Map([
  ['skies', 'sky'],
  ['sky', 'sky'],
  ['dying', 'die'],
  ['lying', 'lie'],
  ['tying', 'tie'],
  ['news', 'news'],
  ['innings', 'inning'],
  ['inning', 'inning'],
  ['outings', 'outing'],
  ['outing', 'outing'],
  ['cannings', 'canning'],
  ['canning', 'canning'],
  ['howe', 'howe'],
  ['proceed', 'proceed'],
  ['exceed', 'exceed'],
  ['succeed', 'succeed'],
]);

/** (suffix, its replacement, what the rest must satisfy). The first suffix that matches decides, met or not. */
type Rule = readonly [suffix: string, replacement: string, condition: (rest: string) => boolean];

/** Stems one word of lower-case characters. */
export function stemWord(word: string): string {
  const irregular = IRREGULAR_STEMS.get(word);
  if (irregular !== undefined) return irregular;
  if (word.length <= 2) return word;
  let stem = stripPlural(word);
  stem = stripPastOrGerund(stem);
  stem = turnFinalY(stem);
  stem = shortenDoubleSuffix(stem);
  stem = applyFirstRule(stem, STEP_3_RULES);
  stem = applyFirstRule(stem, STEP_4_RULES);
  return stripFinalL(stripFinalE(stem));
}

/** Anything that is not a, e, i, o, u is a consonant, digits too; y only where no consonant stands before it. */
function isConsonantAfter(word: string, index: number, previousIsConsonant: boolean): boolean {
  switch (word.charCodeAt(index)) {
    case 97: // a
    case 101: // e
    case 105: // i
    case 111: // o
    case 117: // u
      return false;
    case 121: // y
      return index === 0 || !previousIsConsonant;
    default:
      return true;
  }
}

function isConsonant(word: string, index: number): boolean {
  let start = index;
  while (start > 0 && word[start] === 'y') start--;
  let consonant = false;
  for (let at = start; at <= index; at++) consonant = isConsonantAfter(word, at, consonant);
  return consonant;
}

/** Porter's m: how often a vowel run is followed by a consonant run. */
function countVowelConsonantRuns(word: string): number {
  let runs = 0;
  let afterConsonant = true;
  for (let index = 0; index < word.length; index++) {
    const consonant = isConsonantAfter(word, index, afterConsonant);
    if (consonant && !afterConsonant) runs++;
    afterConsonant = consonant;
  }
  return runs;
}

const hasPositiveMeasure = (word: string): boolean => countVowelConsonantRuns(word) > 0;
const hasMeasureAboveOne = (word: string): boolean => countVowelConsonantRuns(word) > 1;

function containsVowel(word: string): boolean {
  let consonant = true;
  for (let index = 0; index < word.length && consonant; index++) {
    consonant = isConsonantAfter(word, index, consonant);
  }
  return !consonant;
}

function endsWithDoubleConsonant(word: string): boolean {
  const last = word.length - 1;
  return last >= 1 && word[last] === word[last - 1] && isConsonant(word, last);
}

/** Porter's *o (consonant, vowel, consonant other than w, x, y), or all of a vowel-consonant word (NLTK). */
function endsWithShortSyllable(word: string): boolean {
  const last = word.length - 1;
  if (last === 1) return !isConsonant(word, 0) && isConsonant(word, 1);
  return (
    last >= 2 &&
    isConsonant(word, last - 2) &&
    !isConsonant(word, last - 1) &&
    isConsonant(word, last) &&
    !'wxy'.includes(word[last]!)
  );
}

function applyFirstRule(word: string, rules: readonly Rule[]): string {
  for (const [suffix, replacement, condition] of rules) {
    if (word.endsWith(suffix)) {
      const rest = word.slice(0, word.length - suffix.length);
      return condition(rest) ? rest + replacement : word;
    }
  }
  return word;
}

/** Step 1a; NLTK keeps the e of four-letter words (ties, dies). */
function stripPlural(word: string): string {
  if (word.endsWith('ies')) return word.slice(0, word.length === 4 ? -1 : -2);
  if (word.endsWith('sses')) return word.slice(0, -2);
  if (word.endsWith('ss') || !word.endsWith('s')) return word;
  return word.slice(0, -1);
}

/** Step 1b; ied is NLTK's (tied, but spied to spi). */
function stripPastOrGerund(word: string): string {
  if (word.endsWith('ied')) return word.slice(0, word.length === 4 ? -1 : -2);
  if (word.endsWith('eed')) {
    return hasPositiveMeasure(word.slice(0, -3)) ? word.slice(0, -1) : word;
  }
  const suffixLength = word.endsWith('ed') ? 2 : word.endsWith('ing') ? 3 : 0;
  const rest = word.slice(0, word.length - suffixLength);
  return suffixLength > 0 && containsVowel(rest) ? repairEnding(rest) : word;
}

/** What step 1b leaves gets its e back (conflat-, siz-, fil-) or loses a doubled consonant (hopp-). */
function repairEnding(word: string): string {
  if (word.endsWith('at') || word.endsWith('bl') || word.endsWith('iz')) return `${word}e`;
  if (endsWithDoubleConsonant(word)) {
    return 'lsz'.includes(word.at(-1)!) ? word : word.slice(0, -1);
  }
  return countVowelConsonantRuns(word) === 1 && endsWithShortSyllable(word) ? `${word}e` : word;
}

/** Step 1c; NLTK asks for a consonant before the y that is not the word's first letter (enjoy, by stay). */
function turnFinalY(word: string): string {
  const rest = word.length - 1;
  const turns = word.endsWith('y') && rest > 1 && isConsonant(word, rest - 1);
  return turns ? `${word.slice(0, -1)}i` : word;
}

const STEP_2_RULES: readonly Rule[] = [
  ['ational', 'ate', hasPositiveMeasure],
  ['tional', 'tion', hasPositiveMeasure],
  ['enci', 'ence', hasPositiveMeasure],
  ['anci', 'ance', hasPositiveMeasure],
  ['izer', 'ize', hasPositiveMeasure],
  ['bli', 'ble', hasPositiveMeasure],
  ['alli', 'al', hasPositiveMeasure],
  ['entli', 'ent', hasPositiveMeasure],
  ['eli', 'e', hasPositiveMeasure],
  ['ousli', 'ous', hasPositiveMeasure],
  ['ization', 'ize', hasPositiveMeasure],
  ['ation', 'ate', hasPositiveMeasure],
  ['ator', 'ate', hasPositiveMeasure],
  ['alism', 'al', hasPositiveMeasure],
  ['iveness', 'ive', hasPositiveMeasure],
  ['fulness', 'ful', hasPositiveMeasure],
  ['ousness', 'ous', hasPositiveMeasure],
  ['aliti', 'al', hasPositiveMeasure],
  ['iviti', 'ive', hasPositiveMeasure],
  ['biliti', 'ble', hasPositiveMeasure],
  ['fulli', 'ful', hasPositiveMeasure],
  // The l counts towards the measure: "geologi" is judged by "geol".
  ['logi', 'log', (rest) => hasPositiveMeasure(`${rest}l`)],
];

/** Step 2; NLTK takes -alli off first and looks again (radicalli, rationalli). */
function shortenDoubleSuffix(word: string): string {
  if (word.endsWith('alli') && hasPositiveMeasure(word.slice(0, -4))) {
    return shortenDoubleSuffix(word.slice(0, -2));
  }
  return applyFirstRule(word, STEP_2_RULES);
}

const STEP_3_RULES: readonly Rule[] = [
  ['icate', 'ic', hasPositiveMeasure],
  ['ative', '', hasPositiveMeasure],
  ['alize', 'al', hasPositiveMeasure],
  ['iciti', 'ic', hasPositiveMeasure],
  ['ical', 'ic', hasPositiveMeasure],
  ['ful', '', hasPositiveMeasure],
  ['ness', '', hasPositiveMeasure],
];

const STEP_4_RULES: readonly Rule[] = [
  ['al', '', hasMeasureAboveOne],
  ['ance', '', hasMeasureAboveOne],
  ['ence', '', hasMeasureAboveOne],
  ['er', '', hasMeasureAboveOne],
  ['ic', '', hasMeasureAboveOne],
  ['able', '', hasMeasureAboveOne],
  ['ible', '', hasMeasureAboveOne],
  ['ant', '', hasMeasureAboveOne],
  ['ement', '', hasMeasureAboveOne],
  ['ment', '', hasMeasureAboveOne],
  ['ent', '', hasMeasureAboveOne],
  ['ion', '', (rest) => hasMeasureAboveOne(rest) && /[st]$/.test(rest)],
  ['ou', '', hasMeasureAboveOne],
  ['ism', '', hasMeasureAboveOne],
  ['ate', '', hasMeasureAboveOne],
  ['iti', '', hasMeasureAboveOne],
  ['ous', '', hasMeasureAboveOne],
  ['ive', '', hasMeasureAboveOne],
  ['ize', '', hasMeasureAboveOne],
];

/** Step 5a. */
function stripFinalE(word: string): string {
  if (!word.endsWith('e')) return word;
  const rest = word.slice(0, -1);
  const measure = countVowelConsonantRuns(rest);
  return measure > 1 || (measure === 1 && !endsWithShortSyllable(rest)) ? rest : word;
}

/** Step 5b. */
function stripFinalL(word: string): string {
  const shorter = word.slice(0, -1);
  return word.endsWith('ll') && hasMeasureAboveOne(shorter) ? shorter : word;
}
