// Reads a page in Prometheus' text format 0.0.4 and refuses whatever the format or its rules for types forbid
// (https://prometheus.io/docs/instrumenting/exposition_formats/).

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface PageFamily {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const suffixes: Readonly<Record<string, readonly string[]>> = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
};

/** @throws Error naming the first line that is wrong. */
export function readExposition(text: string): Map<string, PageFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, { type: string; help: string; samples: Sample[] }>();
  let current = '';
  const seen = new Set<string>();
  for (const line of text.slice(0, -1).split('\n')) {
    const refuse = (why: string) => new Error(`${why}: ${line}`);
    const help = /^# HELP (\S+) (.+)$/.exec(line);
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (help !== null) {
      current = help[1]!;
      if (!metricName.test(current)) throw refuse('no name');
      if (families.has(current)) throw refuse('a family comes twice');
      families.set(current, { type: '', help: help[2]!, samples: [] });
    } else if (type !== null) {
      const family = families.get(type[1]!);
      if (type[1] !== current || family?.type !== '') throw refuse('a type out of its place');
      if (family.samples.length > 0) throw refuse('a type behind its samples');
      family.type = type[2]!;
    } else {
      const sample = readSample(line);
      const family = families.get(current);
      const allowed = suffixes[family?.type ?? '']?.map((suffix) => current + suffix) ?? [];
      if (family === undefined || !allowed.includes(sample.name)) throw refuse('no such family');
      const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
      if (seen.has(key)) throw refuse('a series comes twice');
      seen.add(key);
      family.samples.push(sample);
    }
  }
  for (const [name, family] of families) checkFamily(name, family);
  return families;
}

function readSample(line: string): Sample {
  const match = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
  if (match === null) throw new Error(`no sample: ${line}`);
  const [, name, inside = '', number] = match;
  const labels: Record<string, string> = {};
  let rest = inside;
  while (rest !== '') {
    const pair = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,(?=.)|$)/.exec(rest);
    if (pair === null || pair[1]! in labels) throw new Error(`labels of ${line}`);
    labels[pair[1]!] = pair[2]!.replace(/\\(.)/g, (_all, c: string) => (c === 'n' ? '\n' : c));
    rest = rest.slice(pair[0].length);
  }
  if (!/^(?:[+-]Inf|NaN|[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)$/.test(number!)) {
    throw new Error(`no number: ${line}`);
  }
  return { name: name!, labels, value: Number(number!.replace('Inf', 'Infinity')) };
}

function checkFamily(name: string, { type, samples }: PageFamily): void {
  if (type === '') throw new Error(`${name} has no type`);
  if (samples.length === 0) throw new Error(`${name} has no samples`);
  if (type === 'counter') {
    if (!name.endsWith('_total')) throw new Error(`${name} is a counter without _total`);
    for (const { value } of samples) if (!(value >= 0)) throw new Error(`${name} is ${value}`);
  }
  if (type === 'histogram') checkHistogram(name, samples);
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const bySeries = new Map<string, Sample[]>();
  for (const sample of samples) {
    const { le: _le, ...rest } = sample.labels;
    const key = JSON.stringify(rest);
    bySeries.set(key, [...(bySeries.get(key) ?? []), sample]);
  }
  for (const [key, series] of bySeries) {
    const buckets = series.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => Number(labels.le!.replace('Inf', 'Infinity')));
    if (bounds.some((bound, at) => at > 0 && !(bound > bounds[at - 1]!))) {
      throw new Error(`the bounds of ${name} ${key} do not rise`);
    }
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${name} ${key} has no +Inf`);
    if (buckets.some(({ value }, at) => at > 0 && value < buckets[at - 1]!.value)) {
      throw new Error(`the buckets of ${name} ${key} fall`);
    }
    const [count, ...more] = series.filter((sample) => sample.name === `${name}_count`);
    const sums = series.filter((sample) => sample.name === `${name}_sum`);
    if (count?.value !== buckets.at(-1)?.value || more.length > 0 || sums.length !== 1) {
      throw new Error(`the count of ${name} ${key} is not that of its buckets`);
    }
  }
}
