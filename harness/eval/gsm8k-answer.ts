// Is GSM8K's number right? Extraction and comparison as lm-evaluation-harness 0.4 has them: strict-match wants "#### n",
// flexible-extract takes the last number there is.

export type AnswerFilter = 'strict-match' | 'flexible-extract';

export const answerFilters: readonly AnswerFilter[] = ['strict-match', 'flexible-extract'];

/** What is extracted where there is no number. */
const nothing = '[invalid]';

/** What stands before the first of each stop string, one string after another. */
export function cutAtStops(text: string, stops: readonly string[]): string {
  return stops.reduce((left, stop) => (stop === '' ? left : left.split(stop)[0]!), text);
}

export function extractAnswer(text: string, filter: AnswerFilter): string {
  if (filter === 'strict-match') {
    return (/#### (-?[0-9.,]+)/.exec(text)?.[1] ?? nothing).trim();
  }
  const matches = text.match(/(-?[$0-9.,]{2,})|(-?[0-9]+)/g);
  return (matches?.at(-1) ?? nothing).trim();
}

/** Equal but for commas, dollar signs, what stands before "#### ", a full stop at the end, and case. */
export function isSameAnswer(answer: string, target: string): boolean {
  return normalize(answer) === normalize(target);
}

function normalize(text: string): string {
  return text
    .replaceAll(',', '')
    .replaceAll('$', '')
    .replace(/^[\s\S]*#### /, '')
    .replace(/\.(?=\n?$)/, '')
    .toLowerCase();
}
