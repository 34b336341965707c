import { describe, expect, it } from 'vitest';
import type { ChoiceSample, Dataset, GenerationSample, Sample } from '../../datasets/dataset.js';
import type { Tokenizer } from '../../datasets/tokenizer.js';
import { DatasetLibrary } from '../../harness/sample-library.js';

/** One token a character; 'Answer: B' has one token for ": B". */
const tokenizer: Tokenizer = {
  encode: (text) =>
    Int32Array.from(
      text.replaceAll(' B', '\u0001').replaceAll('\nX', '\u0002'),
      (letter) => letter.codePointAt(0) ?? 0,
    ),
  decode: (tokens) => String.fromCodePoint(...Array.from(tokens)),
  bosId: 7,
  eosId: 8,
  vocabSize: 70_000,
};

function datasetOf(samples: readonly Sample[]): Dataset {
  const kind = samples[0]!.kind;
  const sample = (index: number) => samples[index]!;
  return { name: 'test', split: 'test', kind, length: samples.length, sample, digest: () => '' };
}

const texts: GenerationSample[] = ['one', 'two', 'three'].map((prompt) => ({
  kind: 'generation',
  id: prompt,
  prompt,
  reference: '',
}));

describe('DatasetLibrary', () => {
  it('begins every prompt with BOS and offers the first samples only', () => {
    const library = new DatasetLibrary(datasetOf(texts), tokenizer, 2);
    library.loadSamplesToRam([1, 0]);
    expect(Array.from(library.tokens(1).promptTokens)).toEqual([7, ...Buffer.from('two')]);
    expect([library.totalSampleCount, library.performanceSampleCount]).toEqual([2, 2]);
    expect([library.promptTokenCount(0), library.promptTokenCount(2)]).toEqual([4, null]);
    expect(() => library.tokens(2)).toThrowError('sample 2 of test is not loaded');
  });

  it('keeps tokens over an unload: the next pass tokenizes nothing', () => {
    const library = new DatasetLibrary(datasetOf(texts), tokenizer, 3);
    library.loadSamplesToRam([0, 1, 2]);
    const before = library.tokens(2);
    library.unloadSamplesFromRam();
    library.loadSamplesToRam([2]);
    expect(library.tokens(2)).toBe(before);
  });

  it('leaves out BOS where the model has none, and tokens where there is no tokenizer', () => {
    const plain = new DatasetLibrary(datasetOf(texts), { ...tokenizer, bosId: null }, 1);
    plain.loadSamplesToRam([0]);
    expect(plain.promptTokenCount(0)).toBe(3);
    const none = new DatasetLibrary(datasetOf(texts), null, 1);
    none.loadSamplesToRam([0]);
    expect(none.promptTokenCount(0)).toBeNull();
  });

  it("takes a choice's tokens as they stand after the prompt", () => {
    const question: ChoiceSample = {
      kind: 'choice',
      id: 'q',
      subject: 's',
      prompt: 'Why?\nAnswer:',
      choices: [' A', ' B'],
      answer: 0,
    };
    const library = new DatasetLibrary(datasetOf([question]), tokenizer, 1);
    library.loadSamplesToRam([0]);
    const { continuations } = library.tokens(0);
    expect(continuations.map((tokens) => Array.from(tokens))).toEqual([[32, 65], [1]]);
  });
});
