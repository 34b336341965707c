// A setting that is a list of names: written as a list in YAML, or as a text with commas between them.

import { type Field, quote, text } from './setting-fields.js';

/** Any text but the empty one; a list of values is the text with commas between them. */
export function listText(fallback: string): Field<string> {
  const field = text(fallback);
  return {
    check(setting, key, faults) {
      if (setting?.kind !== 'list') return field.check(setting, key, faults);
      const parts = setting.items.map((item) =>
        item.kind === 'value' && item.value !== null ? String(item.value) : '',
      );
      const odd = findOdd(parts);
      if (odd === null) return parts.join(',');
      const message = `${key} is ${odd}; allowed: names, one at least, each an item of its own`;
      faults.push({ where: setting.where, message });
      return fallback;
    },
  };
}

/** What keeps these from being a list of names; null where nothing does. */
function findOdd(parts: readonly string[]): string | null {
  if (parts.length === 0) return 'an empty list';
  if (parts.includes('')) return 'a list with something else than names in it';
  // It would pass for several items.
  const several = parts.find((part) => part.includes(','));
  return several === undefined ? null : `a list with ${quote(several)} in it`;
}
