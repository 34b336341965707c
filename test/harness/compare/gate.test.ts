// A gate of several rules: what stands among others, and what is refused. How often it is wrong: gate-simulation.test.ts.
import { describe, expect, it } from 'vitest';
import { decideTogether } from '../../../harness/compare/gate.js';
import { parseRules, refuseStrangers } from '../../../harness/compare/gate-rule.js';

describe('results that are decided together', () => {
  const result = (
    name: string,
    verdict: 'regression' | 'no regression',
    pValue: number | null,
  ) => ({
    ...{ name, verdict, pValue, reason: 'by its bound', needed: null },
  });

  it('hold a regression back that does not stand among so many, and say what would tell', () => {
    const [one, other, third] = decideTogether(
      [
        result('a', 'regression', 0.04),
        result('b', 'no regression', 0.9),
        result('c', 'regression', 0.001),
      ],
      0.05,
    );
    expect(one).toMatchObject({
      ...{ verdict: 'cannot tell', adjustedP: 0.08 },
      needed: 'a new measurement, judged by this rule alone',
    });
    expect(one!.reason).toContain('p 0.040, among 3 rules 0.080 (Holm), above 0.05');
    expect(other).toMatchObject({ verdict: 'no regression', reason: 'by its bound' });
    expect(third).toMatchObject({ verdict: 'regression', adjustedP: 0.003 });
  });

  it('count only what was tested, each once', () => {
    const [one, ...others] = decideTogether(
      [
        result('a', 'regression', 0.04),
        result('a', 'regression', 0.04),
        { ...result('b', 'no regression', null), verdict: 'cannot tell' },
      ],
      0.05,
    );
    expect(one).toEqual({ ...result('a', 'regression', 0.04), adjustedP: 0.04 });
    expect(others.map(({ adjustedP }) => adjustedP)).toEqual([null]);
  });
});

describe('rules', () => {
  it('read points, shares, tasks and their perplexities', () => {
    expect(
      parseRules('mmlu=-1.5pt, accuracy=-2,wikitext=+1%,perplexity:marlin=+0.05', 'x'),
    ).toEqual([
      { name: 'mmlu', margin: { kind: 'absolute', value: 1.5 } },
      { name: 'accuracy', margin: { kind: 'absolute', value: 2 } },
      { name: 'wikitext', margin: { kind: 'relative', value: 0.01 } },
      { name: 'perplexity:marlin', margin: { kind: 'absolute', value: 0.05 } },
    ]);
  });

  it.each([
    ['wikitext=-1%', 'allowed: wikitext=+1%, since more is worse'],
    ['mmlu=+1pt', 'allowed: mmlu=-1pt, since less is worse'],
    ['wikitext=+1pt', 'is in points, which a perplexity has none of; allowed: wikitext=+1%'],
    ['speed=-3pt', 'has no %; allowed: speed=-3%'],
    ['mmlu=-0pt', 'is out of range'],
    ['rouge=0', '"rouge=0" is out of range; allowed: more than 0, less than 100'],
  ])('%s is refused', (text, message) => {
    expect(() => parseRules(text, '--gate')).toThrow(message);
  });

  it('are of runs or of evaluations', () => {
    expect(() => refuseStrangers([['--gate', ['speed', 'accuracy']]], 'evaluations')).toThrow(
      /--gate: evaluations have no "speed"; allowed: accuracy, perplexity, mmlu/,
    );
    expect(() => refuseStrangers([['--margin', ['mmlu']]], 'runs')).toThrow(
      '--margin: runs have no "mmlu"; allowed: rouge, rouge1',
    );
    expect(() => refuseStrangers([['--gate', ['speed', 'accuracy']]], 'runs')).not.toThrow();
  });
});
