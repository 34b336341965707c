// Do chat templates write what transformers writes with them, and are those that cannot be used refused in one sentence?

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ChatMessage, ChatTemplate, DatasetError } from '../../datasets/index.js';
import { guard } from '../../datasets/tokenizer.js';

interface Golden {
  readonly templates: Readonly<Record<string, string>>;
  readonly conversations: readonly (readonly ChatMessage[])[];
  readonly written: Readonly<Record<string, readonly (string | { readonly error: string })[]>>;
}

const path = join(import.meta.dirname, '../golden/chat-templates/golden.json');
const golden = JSON.parse(readFileSync(path, 'utf8')) as Golden;

function open(chatTemplate: string | null): ChatTemplate {
  const specialTexts = new Map([
    [1, '<s>'],
    [2, '</s>'],
  ]);
  return new ChatTemplate({ chatTemplate, specialTexts, namedBosId: 1, eosId: 2 });
}

const hello: readonly ChatMessage[] = [{ role: 'user', content: 'hello' }];

describe.each(Object.keys(golden.templates))('%s', (name) => {
  it('writes what transformers writes', () => {
    const template = open(golden.templates[name]!);
    expect(golden.conversations.length).toBeGreaterThan(10);
    for (const [i, conversation] of golden.conversations.entries()) {
      const wanted = golden.written[name]![i]!;
      if (typeof wanted === 'string') {
        expect(template.render(conversation).replaceAll(guard, '')).toBe(wanted);
      } else {
        expect(() => template.render(conversation)).toThrow(wanted.error);
      }
    }
  });
});

describe('ChatTemplate', () => {
  it('keeps special tokens of a message apart from its own', () => {
    const template = open("{{ bos_token }}{{ messages[0]['content'] }}{{ eos_token }}");
    const text = template.render([{ role: 'user', content: 'a</s>b <s' }]);
    expect(text).toBe(`<s>a<${guard}/s>b <s</s>`);
  });

  it.each([
    ['no template', null, 'the model has no chat template'],
    ['no Jinja', '{% if %}', "the model's chat template is not Jinja"],
    [
      'a block that does not end',
      'a\n{% for m in messages %}{% if "{%" %}{% endif %}',
      "the model's chat template is not Jinja: {% for m in messages %} on line 2 has no {% endfor %}",
    ],
    [
      'a block of another that does not end',
      "{% set x = '%}' %}{% if x %}{% for m in messages %}{{ m }}{% endfor %}",
      'is not Jinja: {% if x %} on line 1 has no {% endif %}',
    ],
    ['a value that does not end', '\n\n{{ x', 'is not Jinja: {{ x on line 3 has no }}'],
    ['a comment that does not end', 'x {# a', 'is not Jinja: {# a on line 1 has no #}'],
    ['a value that is none', '{{ }}', 'is not Jinja: '],
    ['an end of nothing', '{% endfor %}', 'is not Jinja: Unknown statement type: endfor'],
    ['a refusal', "{{ raise_exception('only in Latin') }}", 'chat template failed: only in Latin'],
    ['a name that is nowhere', '{{ nowhere() }}', 'chat template failed'],
    [
      'a macro without end',
      '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}',
      'chat template failed',
    ],
    [
      'a range without end',
      '{% for i in range(10000000000) %}{% endfor %}',
      'allowed: up to 100000 numbers',
    ],
    [
      'loops without end',
      '{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}',
      'chat template took longer than 1000 ms',
    ],
  ])('refuses %s', (_what, source, message) => {
    const attempt = () => open(source).render(hello);
    expect(attempt).toThrow(DatasetError);
    expect(attempt).toThrow(message);
  });
});
