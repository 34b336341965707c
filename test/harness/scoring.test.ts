import { describe, expect, it } from 'vitest';
import { openDataset } from '../../datasets/index.js';
import type { ModelConfig } from '../../harness/config.js';
import { parseSettings } from '../../harness/config.js';
import { modelFields } from '../../harness/run-config.js';
import { DatasetLibrary } from '../../harness/sample-library.js';
import { scorePass } from '../../harness/scoring.js';
import { encodeChoice } from '../../harness/sut/choice-response.js';
import type { LoggedResponse, TestOutcome } from '../../loadgen/index.js';

/** Only what the scorer reads of an outcome. */
function outcomeOf(responses: readonly LoggedResponse[]): TestOutcome {
  return { responses } as unknown as TestOutcome;
}

function modelOf(yaml: string): ModelConfig {
  const model = modelFields.check(parseSettings(yaml, 'model.yaml', []), '', []);
  return { ...model, folder: '/', synthetic: false };
}

/** A token a byte: decoding gives back what was answered. */
const tokenizer = {
  encode: (text: string) => Int32Array.from(Buffer.from(text)),
  decode: (tokens: ArrayLike<number>) => Buffer.from(Array.from(tokens)).toString(),
  bosId: null,
  eosId: 0,
  vocabSize: 256,
};

function respond(sampleId: number, sampleIndex: number, text: string): LoggedResponse {
  const tokens = tokenizer.encode(text);
  // Off by one byte on purpose: a response's bytes need not be aligned.
  const data = new Uint8Array(1 + tokens.byteLength).subarray(1);
  data.set(new Uint8Array(tokens.buffer));
  return { sampleId, sampleIndex, data, tokenCount: tokens.length };
}

describe('scorePass', () => {
  const orca = openDataset('tiny-orca', 'test');
  const library = new DatasetLibrary(orca, tokenizer, 4);
  const reference = (index: number) => {
    const sample = library.sample(index);
    return sample.kind === 'generation' ? sample.reference : '';
  };

  it("scores each sample's first answer, whatever the order they came in", () => {
    const responses = [
      respond(0, 2, reference(2)),
      respond(1, 0, 'nothing alike at all'),
      respond(2, 0, reference(0)),
    ];
    const scored = scorePass(outcomeOf(responses), library, modelOf(''));
    expect(scored).toMatchObject({ samplesScored: 2, targets: [] });
    expect(scored?.bySample.get(2)).toMatchObject({ id: library.sample(2).id, rougeL: 1 });
    expect(scored?.bySample.get(0)).toMatchObject({ id: library.sample(0).id, rougeL: 0 });
    expect(scored?.score.metrics).toMatchObject({ rougeL: 50, genNum: 2 });
  });

  it("judges by the dataset's references, with a factor and a band of their own", () => {
    const yaml = [
      'accuracy:',
      '  tiny-orca:',
      '    factor: 0.99',
      '    references: { rouge1: 100, rouge2: null, tokensPerSample: 100000 }',
      '    factors: { tokensPerSample: 0.9 }',
    ].join('\n');
    const responses = [respond(0, 1, reference(1))];
    const scored = scorePass(outcomeOf(responses), library, modelOf(yaml));
    expect(scored?.targets.every((target) => target.pass)).toBe(false);
    expect(scored?.targets.map(({ metric, threshold, pass }) => [metric, threshold, pass])).toEqual(
      [
        ['rouge1', 99, true],
        ['tokensPerSample', 90_000, false],
      ],
    );
  });

  it('picks the likeliest choice, and takes a wordless answer for the first one', () => {
    const mmlu = new DatasetLibrary(openDataset('tiny-mmlu', 'test'), null, 3);
    const answer = (index: number) => {
      const sample = mmlu.sample(index);
      return sample.kind === 'choice' ? sample.answer : -1;
    };
    const sure = (choice: number) =>
      encodeChoice(Float64Array.from({ length: 4 }, (_, at) => (at === choice ? -0.1 : -5)));
    const responses = [0, 1, 2].map((index) => ({
      sampleId: index,
      sampleIndex: index,
      data: index === 2 ? new Uint8Array(0) : sure(answer(index)),
      tokenCount: 0,
    }));
    const scored = scorePass(outcomeOf(responses), mmlu, modelOf(''));
    expect(scored?.bySample.get(0)).toMatchObject({ correct: true });
    expect(scored?.bySample.get(1)).toMatchObject({ correct: true });
    expect(scored?.bySample.get(2)).toMatchObject({ chosen: 0 });
  });

  it('has nothing to say about no answers', () => {
    expect(scorePass(outcomeOf([]), library, modelOf(''))).toBeNull();
  });
});
