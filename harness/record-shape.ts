// Has a record that somebody may have edited the fields that its reader takes for granted? Asked by path, so that what is
// missing is told by its name.

/** A value that may be null is there all the same: a field that is left out is no null. */
type FieldKind = 'list' | 'list or null' | 'object' | 'object or null' | 'text';

/** By path, outer fields before inner ones: `points[].settings` is of every element of `points`. */
export type RecordShape = Readonly<Record<string, FieldKind>>;

/** The first field, in the order of the shape, that is not what it says: `points[2].settings`; null where all are. */
export function findUnusable(record: unknown, shape: RecordShape): string | null {
  for (const [path, kind] of Object.entries(shape)) {
    const steps = path.replaceAll('[]', '.[]').split('.');
    const found = findIn(record, steps, kind);
    if (found !== null) return found.replaceAll('.[', '[');
  }
  return null;
}

function findIn(value: unknown, steps: readonly string[], kind: FieldKind): string | null {
  const [step, ...rest] = steps;
  if (step === undefined) return isOfKind(value, kind) ? null : '';
  // Whether it may be null was asked of its own path.
  if (value === null) return null;
  const entries: (readonly [string, unknown])[] =
    step === '[]'
      ? (value as readonly unknown[]).map((one, i) => [`[${i}]`, one] as const)
      : [[step, (value as Readonly<Record<string, unknown>>)[step]]];
  for (const [name, inside] of entries) {
    const found = findIn(inside, rest, kind);
    if (found !== null) return found === '' ? name : `${name}.${found}`;
  }
  return null;
}

function isOfKind(value: unknown, kind: FieldKind): boolean {
  if (value === null) return kind.endsWith('or null');
  if (kind === 'text') return typeof value === 'string';
  return typeof value === 'object' && Array.isArray(value) === kind.startsWith('list');
}

const contrast = (path: string): RecordShape => ({
  [path]: 'object',
  [`${path}.main`]: 'object or null',
  [`${path}.speed`]: 'list',
  [`${path}.speed[]`]: 'object',
  [`${path}.reasons`]: 'list',
});

/** What the page of ladder.json reads. */
export const ladderShape: RecordShape = {
  rungs: 'list',
  'rungs[]': 'object',
  'rungs[].label': 'text',
  'rungs[].invalidReasons': 'list',
  steps: 'list',
  'steps[]': 'object',
  'steps[].name': 'text',
  'steps[].changes': 'list',
  'steps[].changes[]': 'object',
  ...contrast('steps[].before'),
  ...contrast('steps[].sinceBase'),
  ...contrast('whole'),
  'whole.verdict': 'object or null',
  measuredOn: 'object or null',
  simultaneous: 'object',
  'simultaneous.steps': 'object',
  command: 'list',
  remarks: 'list',
  'remarks[]': 'object',
  'remarks[].of': 'list',
};

/** What the page of sweep.json reads. */
export const sweepShape: RecordShape = {
  points: 'list',
  'points[]': 'object',
  'points[].settings': 'object',
  'points[].invalidReasons': 'list',
  'points[].ttftMs': 'object',
  'points[].tpotMs': 'object',
  'points[].latencyMs': 'object',
  'points[].intervals': 'object',
  'points[].intervals.ttftMs': 'object',
  'points[].intervals.tpotMs': 'object',
  'points[].intervals.latencyMs': 'object',
  'points[].slo': 'list or null',
  'points[].sloVerdict': 'object or null',
  'points[].sloVerdict.limits': 'object',
  'points[].pareto': 'object or null',
  measuredOn: 'object or null',
  axes: 'object',
  command: 'list',
  remarks: 'list',
  'remarks[]': 'object',
  'remarks[].of': 'list',
  goodput: 'object or null',
  'goodput.slo': 'object',
  'goodput.slo.limitsMs': 'object',
};

/** What the page of comparison.json reads. */
export const comparisonShape: RecordShape = {
  sides: 'list',
  'sides[]': 'object',
  'sides[].label': 'text',
  'sides[].runs': 'list',
  'sides[].runs[]': 'object',
  'sides[].remarks': 'list',
  factors: 'list',
  'factors[]': 'object',
  'factors[].name': 'text',
  'factors[].values': 'list',
  candidates: 'list',
  'candidates[]': 'object',
  'candidates[].label': 'text',
  'candidates[].verdict': 'object',
  'candidates[].verdict.text': 'text',
  'candidates[].comparability': 'object',
  'candidates[].comparability.reasons': 'list',
  'candidates[].comparability.command': 'list or null',
  'candidates[].speed': 'list',
  'candidates[].speed[]': 'object',
  'candidates[].quality': 'object',
  'candidates[].quality.metrics': 'list',
  'candidates[].quality.metrics[]': 'object',
  'candidates[].quality.worst': 'list',
  'candidates[].quality.worst[]': 'object',
  'candidates[].agreement': 'object',
  'candidates[].gate': 'list',
  'candidates[].gate[]': 'object',
  'candidates[].claims': 'list',
  'candidates[].claims[]': 'object',
  'candidates[].claims[].verdict': 'text',
};

/** What the page of evaluations' comparison.json reads. */
export const evalComparisonShape: RecordShape = {
  sides: 'list',
  'sides[]': 'object',
  'sides[].label': 'text',
  factors: 'list',
  'factors[]': 'object',
  'factors[].name': 'text',
  'factors[].values': 'list',
  candidates: 'list',
  'candidates[]': 'object',
  'candidates[].label': 'text',
  'candidates[].refused': 'list',
  'candidates[].refused[]': 'object',
  'candidates[].remarks': 'list',
  'candidates[].accuracies': 'list',
  'candidates[].accuracies[]': 'object',
  'candidates[].accuracies[].margin': 'object',
  'candidates[].perplexities': 'list',
  'candidates[].perplexities[]': 'object',
  'candidates[].perplexities[].margin': 'object',
  'candidates[].subjects': 'list',
  'candidates[].subjects[]': 'object',
  'candidates[].subjects[].subjects': 'list',
  'candidates[].subjects[].subjects[]': 'object',
  'candidates[].gate': 'list',
  'candidates[].gate[]': 'object',
  'candidates[].verdict': 'object',
  'candidates[].verdict.text': 'text',
};
