// What the script of a scripted system under test can say, with its ranges and defaults, and which of it goes together.
// Reading the file is config.ts's business; following the script is sut/scripted.ts's.

import type { Fault } from './errors.js';
import {
  type Checked,
  choice,
  flag,
  number,
  optionalNumber,
  section,
  seed,
  text,
  writtenName,
} from './setting-fields.js';

const milliseconds = { min: 0, max: 3_600_000 } as const;

/** `base_ms` + `spread_ms` x u: u is drawn in [0, 1) from `seed` and the row of the dataset, the same whenever it is asked. */
const duration = section({
  baseMs: number(milliseconds, 0),
  spreadMs: number(milliseconds, 0),
});

const whichFields = {
  /** The sample with this id: LoadGen counts them from 0 in each pass, in the order in which they are issued. */
  sample: optionalNumber({ min: 0, max: 1e9, whole: true }),
  /** Every sample with this probability, drawn from `seed` and the sample's id. */
  probability: optionalNumber({ min: 0, max: 1 }),
  pass: choice(['any', 'accuracy', 'performance'], 'any'),
} as const;
const which = section(whichFields);
export type WhichSamples = Checked<typeof which>;

const faults = section({
  /** The sample is served and never answered. */
  drop: which,
  answerTwice: which,
  firstTokenTwice: which,
  /** Besides the sample's own answer comes one for a sample that does not exist. */
  answerUnasked: which,
  /** The first token is reported after the answer. */
  answerBeforeFirstToken: which,
  /** The answer claims so many tokens. */
  zeroTokens: which,
  oneToken: which,
  negativeTokens: which,
  /** The sample is reported as failed when its time has come. */
  fail: section({ ...whichFields, reason: text('the script says so') }),
  /** Nothing is answered any more after this sample. */
  silence: which,
});
export type ScriptFaults = Checked<typeof faults>;

/** A script's YAML. */
export const scriptFields = section({
  timeToFirstToken: duration,
  timePerOutputToken: duration,
  /** Samples served at once, first come, first served; 0 is no limit. */
  slots: number({ min: 0, max: 1_000_000, whole: true }, 0),
  /** Answers within issueQuery: LoadGen gets control back when every sample of the query is served. */
  sync: flag(false),
  seed: seed(1n),
  answers: section({
    /** Tokens of an answer; null answers with the dataset's own reference. Multiple choice is always answered by it. */
    tokens: optionalNumber({ min: 2, max: 1_048_576, whole: true }),
    /** Up to so many more, drawn by row. */
    spreadTokens: number({ min: 0, max: 1_048_576, whole: true }, 0),
    /**
     * Share of the reference's words that are spoilt, evenly spread, each in its first token: ROUGE-1 and -L fall by
     * that share, the number of tokens stays. Of multiple-choice questions, the share answered wrongly.
     */
    degrade: number({ min: 0, max: 1 }, 0),
    /** Ends of sequence at the end of an answer; they count as tokens. */
    eos: choice(['none', 'once', 'twice'], 'none'),
  }),
  faults,
});
export type ScriptSettings = Checked<typeof scriptFields>;

/** A script that was read. */
export interface Script extends ScriptSettings {
  readonly file: string;
  /** Of the file's bytes. */
  readonly sha256: string;
}

/** Whether answers are made with the model's tokenizer; a dataset with lengths of its own has no texts to tokenize. */
export function needsTokenizer({ answers }: ScriptSettings, hasLengths: boolean): boolean {
  return (answers.tokens === null && !hasLengths) || answers.eos !== 'none';
}

type WhereIs = (...path: string[]) => string;

/** Every contradiction inside a script. */
export function findScriptFaults(
  script: ScriptSettings,
  whereIs: WhereIs,
  isWritten: (...path: string[]) => boolean,
): Fault[] {
  const { answers } = script;
  const found: Fault[] = [];
  const names = Object.keys({ ...script }).map(writtenName);
  if (!names.some((name) => isWritten(name))) {
    const message = `the script says nothing; wanted: at least one of ${names.join(', ')}`;
    return [{ where: whereIs(), message }];
  }
  if (answers.tokens === null && answers.spreadTokens > 0) {
    const message = `answers.spread_tokens is ${answers.spreadTokens}; allowed without answers.tokens: 0, since references have lengths of their own`;
    found.push({ where: whereIs('answers', 'spread_tokens'), message });
  }
  if (answers.tokens !== null && answers.degrade > 0) {
    const message = `answers.degrade is ${answers.degrade}; allowed with answers.tokens: 0, since those answers mean nothing`;
    found.push({ where: whereIs('answers', 'degrade'), message });
  }
  for (const [name, { sample, probability }] of listFaults(script)) {
    const where = whereIs('faults', name);
    if (sample !== null && probability !== null) {
      const message = `faults.${name} has a sample and a probability; allowed: one of them`;
      found.push({ where, message });
    } else if (sample === null && probability === null && isWritten('faults', name)) {
      const message = `faults.${name} has neither sample nor probability; allowed: one of them`;
      found.push({ where, message });
    }
  }
  return found;
}

/** What the script is to be followed in. */
export interface ScriptSurroundings {
  /** Answers are made of tokens. */
  readonly hasTokens: boolean;
  readonly isOffline: boolean;
}

/** Faults that LoadGen could not see: they would be no test of it. */
export function findUnseenFaults(script: ScriptSettings, around: ScriptSurroundings): string[] {
  const { hasTokens, isOffline } = around;
  return listFaults(script).flatMap(([name, { sample, probability }]) => {
    if (sample === null && probability === null) return [];
    const isOfFirst = name === 'first_token_twice' || name === 'answer_before_first_token';
    if (isOfFirst && (isOffline || !hasTokens)) {
      const where = isOffline ? 'Offline' : 'multiple choice';
      return [`faults.${name} cannot happen: first tokens are not reported in ${where}`];
    }
    if (name.endsWith('_tokens') || name === 'one_token') {
      return hasTokens ? [] : [`faults.${name} cannot happen: multiple choice counts no tokens`];
    }
    return [];
  });
}

function listFaults({ faults: all }: ScriptSettings): [name: string, WhichSamples][] {
  return Object.entries(all).map(([name, samples]) => [writtenName(name), samples]);
}
