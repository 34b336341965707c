// A conversation as the text that a model was taught to read: its own chat template (Jinja), in an environment where
// equal messages give equal texts and no template can run for ever. The only file that knows the Jinja library.

import { createContext, Script } from 'node:vm';
import { Environment, Interpreter, Template } from '@huggingface/jinja';
import { DatasetError } from './error.js';
import { findOpenPart } from './template-end.js';
import { guard, type ModelTokenizer } from './tokenizer.js';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

const maxMs = 1000;
const maxRange = 100_000;
const maxTextLength = 16 << 20;

/** What a template needs to know of the model. */
type Terms = Pick<ModelTokenizer, 'chatTemplate' | 'specialTexts' | 'namedBosId' | 'eosId'>;

export class ChatTemplate {
  readonly #template: Template;
  readonly #special: { readonly bos_token: string; readonly eos_token: string };
  readonly #spelled: RegExp | null;
  readonly #run: Script;

  /** @throws DatasetError 'chat-template' when the model has none, or one that is no Jinja. */
  constructor({ chatTemplate, specialTexts, namedBosId, eosId }: Terms) {
    if (chatTemplate === null) {
      throw new DatasetError(
        'chat-template',
        'the model has no chat template: neither chat_template.jinja, nor chat_template in tokenizer_config.json, nor tokenizer.chat_template in a GGUF file',
      );
    }
    try {
      this.#template = new Template(chatTemplate);
    } catch (cause) {
      throw refuse('is not Jinja', explainParsing(chatTemplate, cause));
    }
    const textOf = (id: number | null) => (id === null ? '' : (specialTexts.get(id) ?? ''));
    this.#special = { bos_token: textOf(namedBosId), eos_token: textOf(eosId) };
    const texts = [...specialTexts.values()].filter((text) => text.length > 1);
    this.#spelled =
      texts.length === 0 ? null : new RegExp(texts.map(escapeForRegExp).join('|'), 'gu');
    this.#run = new Script('render()');
  }

  /**
   * The text up to where the model's answer begins. Special tokens that a message spells out are guarded, so that
   * encodeMarked() reads them as plain characters.
   * @throws DatasetError 'chat-template' when the template refuses the messages, fails, or takes too long.
   */
  render(messages: readonly ChatMessage[]): string {
    const guarded = messages.map(({ role, content }) => ({ role, content: this.#guard(content) }));
    const render = (): unknown => {
      const interpreter = new Interpreter(this.#describeWorld(guarded));
      return interpreter.run(this.#template.parsed).value;
    };
    let text: unknown;
    try {
      // The time limit ends whatever runs, also outside the context.
      text = this.#run.runInContext(createContext({ render }), { timeout: maxMs });
    } catch (cause) {
      // It comes from the context, whose errors are no Error of this one.
      const isSlow = (cause as { code?: unknown } | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
      throw isSlow ? refuse(`took longer than ${maxMs} ms`) : refuse('failed', cause);
    }
    if (typeof text === 'string' && text.length <= maxTextLength) return text;
    throw refuse(`wrote ${String(text).length} characters; allowed: up to ${maxTextLength}`);
  }

  #guard(content: string): string {
    if (this.#spelled === null) return content;
    return content.replace(this.#spelled, (text) => {
      const [first = ''] = text;
      return first + guard + text.slice(first.length);
    });
  }

  /**
   * As transformers describes it, but for strftime_now: a prompt that holds the day it was made on is another prompt
   * tomorrow, and templates that ask whether it is defined have a fixed day of their own.
   */
  #describeWorld(messages: readonly ChatMessage[]): Environment {
    const world = new Environment();
    const names: Readonly<Record<string, unknown>> = {
      true: true,
      True: true,
      false: false,
      False: false,
      none: null,
      None: null,
      range: countUp,
      raise_exception: (message: unknown) => {
        throw new Error(String(message));
      },
      ...this.#special,
      messages,
      tools: null,
      documents: null,
      add_generation_prompt: true,
    };
    for (const [name, value] of Object.entries(names)) world.set(name, value);
    return world;
  }
}

/** Python's range, as a list of limited length. */
function countUp(first: number, second?: number, step = 1): number[] {
  const start = second === undefined ? 0 : first;
  const stop = second ?? first;
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (step === 0 || !(count <= maxRange)) {
    throw new Error(`range(${start}, ${stop}, ${step}); allowed: up to ${maxRange} numbers`);
  }
  return Array.from({ length: count }, (_, i) => start + i * step);
}

/** Where a template ends too early the library fails by accident, or says that it ends. */
function explainParsing(template: string, cause: unknown): unknown {
  const isEarlyEnd =
    cause instanceof TypeError || (cause instanceof Error && /\bend of\b/.test(cause.message));
  if (!isEarlyEnd) return cause;
  return findOpenPart(template) ?? 'it ends where a statement or an expression must follow';
}

function refuse(what: string, cause?: unknown): DatasetError {
  const reason = cause === undefined ? '' : `: ${cause instanceof Error ? cause.message : cause}`;
  return new DatasetError('chat-template', `the model's chat template ${what}${reason}`);
}

function escapeForRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
