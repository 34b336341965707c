// What does accuracy.txt say? Read as MLCommons' checker reads it, by regular expressions over its lines.

/** A metric's value, and the line it was first seen on. */
export interface ReadMetric {
  readonly value: number;
  readonly line: number;
}

export interface AccuracyText {
  /** Every value a key has, in the file's order: one that fails makes the file fail. */
  readonly metrics: ReadonlyMap<string, readonly ReadMetric[]>;
  /** The first; null where there is no hash line. */
  readonly hash: { readonly value: string; readonly line: number } | null;
  /** A later hash line that says something else. */
  readonly otherHash: { readonly value: string; readonly line: number } | null;
  /** Keys that stand there in a form the checker cannot read. */
  readonly unreadable: readonly {
    readonly key: string;
    readonly line: number;
    readonly text: string;
  }[];
}

const keys = [
  'rouge1',
  'rouge2',
  'rougeL',
  'rougeLsum',
  'gen_len',
  'gen_num',
  'gen_tok_len',
  'tokens_per_sample',
  'gsm8k',
  'mbxp',
  'exact_match',
] as const;

/** ROUGE values may stand in quotes after any blanks; the others are bare after one blank. */
function patternOf(key: string): RegExp {
  return key.startsWith('rouge')
    ? new RegExp(`'${key}':\\s+'?([\\d.]+)'?`, 'g')
    : new RegExp(`'${key}':\\s([\\d.]+)`, 'g');
}

export function parseAccuracyText(text: string): AccuracyText {
  const metrics = new Map<string, ReadMetric[]>();
  const unreadable: { key: string; line: number; text: string }[] = [];
  let hash: AccuracyText['hash'] = null;
  let otherHash: AccuracyText['hash'] = null;
  for (const [index, row] of text.split(/\r?\n/).entries()) {
    const line = index + 1;
    const digest = /^hash=(\w+)$/.exec(row)?.[1];
    if (digest !== undefined && hash === null) hash = { value: digest, line };
    else if (digest !== undefined && digest !== hash?.value) otherHash = { value: digest, line };
    for (const key of keys) {
      // The checker takes digits and dots alike, and breaks where they make no number.
      const found = [...row.matchAll(patternOf(key))].filter(
        ([, value]) => !Number.isNaN(Number(value)),
      );
      const earlier = metrics.get(key) ?? [];
      if (found.length > 0) {
        metrics.set(key, [
          ...earlier,
          ...found.map(([, value]) => ({ value: Number(value), line })),
        ]);
      } else {
        const form = new RegExp(`["']${key}["']\\s*:\\s*\\S{0,40}`).exec(row);
        if (form !== null) unreadable.push({ key, line, text: form[0] });
      }
    }
  }
  return { metrics, hash, otherHash, unreadable };
}
