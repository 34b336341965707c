// Which words does ROUGE compare? rouge_score's default tokenizer with use_stemmer=True: lower case, maximal runs
// of [a-z0-9], runs of more than 3 characters stemmed. Scripts without such letters have no words at all.
import { stemWord } from './porter-stemmer.js';

export type Tokenize = (text: string) => string[];

/** More distinct words than any English vocabulary; the memory is dropped when it is reached. */
const MAX_REMEMBERED_STEMS = 200_000;

/** A tokenizer that remembers the stems it has worked out. */
export function createRougeTokenizer(): Tokenize {
  const stems = new Map<string, string>();
  const stemOnce = (word: string): string => {
    let stem = stems.get(word);
    if (stem === undefined) {
      if (stems.size >= MAX_REMEMBERED_STEMS) stems.clear();
      stem = stemWord(word);
      stems.set(word, stem);
    }
    return stem;
  };
  return (text) => {
    const words = text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
    return words.map((word) => (word.length > 3 ? stemOnce(word) : word));
  };
}
