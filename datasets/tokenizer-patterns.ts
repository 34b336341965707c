// Does a tokenizer end? Its files bring regular expressions, and one that tries exponentially many ways to match holds the
// process for ever. Tried at load on short texts that such expressions fail on; what only a longer text shows is not found.

import { createContext, Script } from 'node:vm';
import { isObject, type JsonObject } from './json-object.js';

const maxMs = 1000;
/** 2^40 ways take hours; the expressions that models have take microseconds. */
const repeats = 40;
/** Breaks off what has no end before it: no letter, digit or blank, then what `.` does not match. */
const ending = '!\n!';
const usualCharacters = ['a', 'A', '1', ' ', '\n', '.', '\u00e9', '\u4e2d'];
const maxOwnCharacters = 32;

/**
 * `read` encodes and decodes a text with all of the tokenizer's parts.
 * @throws Error where that takes longer than a second for texts of a few characters.
 */
export function checkPatterns(definition: JsonObject, read: (text: string) => void): void {
  const { normalizer, pre_tokenizer, decoder } = definition;
  const patterns = listPatterns([normalizer, pre_tokenizer, decoder]);
  if (patterns.length === 0) return;
  const own = new Set(
    patterns
      .join('')
      .match(/[\p{L}\p{N}]/gu)
      ?.slice(0, 1000),
  );
  const characters = new Set([...usualCharacters, ...[...own].slice(0, maxOwnCharacters)]);
  let tried = '';
  const attempt = () => {
    for (const character of characters) {
      tried = character;
      try {
        read(character.repeat(repeats) + ending);
      } catch {
        // A vocabulary may lack the character. The time limit is caught nowhere in here.
      }
    }
  };
  try {
    // The time limit ends whatever runs, also outside the context, and in the middle of a match.
    new Script('attempt()').runInContext(createContext({ attempt }), { timeout: maxMs });
  } catch (cause) {
    const code = (cause as { code?: unknown } | null)?.code;
    if (code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw cause;
    throw new Error(
      `its regular expressions take longer than ${maxMs} ms for ${repeats} times ${JSON.stringify(tried)}; allowed: those that do not backtrack exponentially`,
    );
  }
}

/** Every `pattern` that is a regular expression, however deep. */
function listPatterns(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(listPatterns);
  if (!isObject(value)) return [];
  const { pattern } = value;
  const own = isObject(pattern) && typeof pattern.Regex === 'string' ? [pattern.Regex] : [];
  return [...own, ...Object.values(value).flatMap(listPatterns)];
}
