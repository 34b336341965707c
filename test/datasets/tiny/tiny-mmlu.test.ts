// Does tiny-mmlu have MMLU's form, and is its knowledge in the training text as sentences, never as test questions?

import { describe, expect, it } from 'vitest';
import type { ChoiceSample } from '../../../datasets/dataset.js';
import { makeDocument } from '../../../datasets/tiny/corpus.js';
import {
  developmentQuestions,
  factsOfAll,
  openTinyMmlu,
} from '../../../datasets/tiny/tiny-mmlu.js';
import { questionsOf, sentencesOf, subjects } from '../../../datasets/tiny/world.js';

const test = openTinyMmlu('test');
const samples = Array.from({ length: test.length }, (_, i) => test.sample(i)) as ChoiceSample[];
const questionOf = (prompt: string): string => prompt.slice(prompt.lastIndexOf('\n\n') + 2);

describe('tiny-mmlu', () => {
  it('asks 500 questions, 100 of each of 5 subjects, letters in balance', () => {
    expect(samples).toHaveLength(500);
    expect(new Set(samples.map((row) => questionOf(row.prompt))).size).toBe(500);
    for (const { name } of subjects) {
      expect(samples.filter((row) => row.subject === name)).toHaveLength(100);
    }
    for (let letter = 0; letter < 4; letter++) {
      const share = samples.filter((row) => row.answer === letter).length / samples.length;
      expect(share).toBeGreaterThan(0.18);
      expect(share).toBeLessThan(0.32);
    }
  });

  it('has the form of MMLU with five solved examples', () => {
    const example = '[^\\n]+\\nA\\. [^\\n]+\\nB\\. [^\\n]+\\nC\\. [^\\n]+\\nD\\. [^\\n]+\\nAnswer:';
    for (const row of samples) {
      const header = `The following are multiple choice questions \\(with answers\\) about ${row.subject}\\.\\n\\n`;
      expect(row.prompt).toMatch(new RegExp(`^${header}(${example} [ABCD]\\n\\n){5}${example}$`));
      expect(row.choices).toEqual([' A', ' B', ' C', ' D']);
    }
  });

  it('has one right answer, of a fact of the world', () => {
    const facts = subjects.flatMap((subject) => factsOfAll(subject, subject.testEntities));
    expect(facts).toHaveLength(500);
    const byQuestion = new Map(
      facts.flatMap((fact) => questionsOf(fact).map((q) => [q, fact] as const)),
    );
    for (const row of samples) {
      const [question, ...lines] = questionOf(row.prompt).split('\n');
      const options = lines.slice(0, 4).map((line) => line.slice(3));
      const fact = byQuestion.get(question!)!;
      expect(options[row.answer]).toBe(fact.value);
      expect(new Set(options).size).toBe(4);
      for (const option of options) expect(fact.attribute.values).toContain(option);
    }
  });

  it('takes its examples from entities that are not tested', () => {
    for (const subject of subjects) {
      const tested = new Set(subject.testEntities.map((entity) => entity.name));
      const examples = developmentQuestions(subject);
      expect(examples).toHaveLength(5);
      for (const { question } of examples) {
        for (const word of question.match(/\w+/g)!) expect(tested.has(word)).toBe(false);
      }
    }
  });
});

describe('the training text', () => {
  const text = (kind: 'orca' | 'facts' | 'choice', count: number): string[] =>
    Array.from({ length: count }, (_, i) =>
      makeDocument(kind, 1, i)
        .map(([piece]) => piece)
        .join(''),
    );
  const tested = new Set(subjects.flatMap((s) => s.testEntities.map((entity) => entity.name)));

  it('tells every tested fact in sentences, in several wordings', () => {
    const told = text('facts', 20_000).join('\n');
    for (const subject of subjects) {
      for (const fact of factsOfAll(subject, subject.testEntities)) {
        const wordings = new Set(sentencesOf(fact).filter((sentence) => told.includes(sentence)));
        expect(wordings.size).toBeGreaterThanOrEqual(4);
      }
    }
  });

  it('never asks a tested question, nor any question about a tested entity', () => {
    const stems = subjects.flatMap((subject) =>
      factsOfAll(subject, subject.testEntities).flatMap(questionsOf),
    );
    const known = new Set(stems);
    const asked = samples.map((row) => questionOf(row.prompt).split('\nAnswer:')[0]!);
    expect(asked.every((question) => known.has(question.split('\n')[0]!))).toBe(true);
    const faults: string[] = [];
    for (const kind of ['facts', 'choice', 'orca'] as const) {
      for (const document of text(kind, 20_000)) {
        const names = kind === 'choice' ? document.match(/[A-Z]\w+/g)! : [];
        if (names.some((name) => tested.has(name))) faults.push(document);
        if (document.split('\n').some((line) => known.has(line))) faults.push(document);
      }
    }
    expect(faults).toEqual([]);
  });

  it('does not depend on the order of asking', () => {
    for (const kind of ['orca', 'facts', 'choice'] as const) {
      const forward = [0, 1, 2, 3].map((i) => makeDocument(kind, 9, i));
      expect([3, 2, 1, 0].map((i) => makeDocument(kind, 9, i)).reverse()).toEqual(forward);
    }
    expect(makeDocument('facts', 1, 0)).not.toEqual(makeDocument('facts', 2, 0));
  });
});
