import { describe, expect, it } from 'vitest';
import { suggestName } from '../../harness/name-suggestion.js';

describe('suggestName', () => {
  const known = ['tiny-orca', 'tiny-mmlu', 'Offline'];

  it.each([
    ['tiny-orka', ' (did you mean "tiny-orca"?)'],
    ['TINY-MMLU', ' (did you mean "tiny-mmlu"?)'],
    ['ofline', ' (did you mean "Offline"?)'],
    ['gsm8k', ''],
    ['', ''],
    ['x'.repeat(10_000), ''],
  ])('%s', (name, suggestion) => {
    expect(suggestName(name, known)).toBe(suggestion);
  });
});
