// A setting that is a list of names: written as a list in YAML, or as a text with commas between them.

import { type Field, text } from './setting-fields.js';

/** Any text but the empty one; a list of values is the text with commas between them. */
export function listText(fallback: string): Field<string> {
  const field = text(fallback);
  return {
    check(setting, key, faults) {
      if (setting?.kind !== 'list') return field.check(setting, key, faults);
      const parts = setting.items.map((item) =>
        item.kind === 'value' && item.value !== null ? String(item.value) : '',
      );
      if (parts.length > 0 && parts.every((part) => part !== '')) return parts.join(',');
      const message = `${key} is a list with something else than names in it; allowed: names, one at least`;
      faults.push({ where: setting.where, message });
      return fallback;
    },
  };
}
