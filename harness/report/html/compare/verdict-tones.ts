// Which verdicts of a comparison are good news?

import type { JudgedClaim } from '../../../compare/claim.js';
import type { ComparisonVerdict } from '../../../compare/verdict.js';
import type { Tone } from '../verdict-box.js';

export const speedTones: Readonly<Record<ComparisonVerdict['speed'], Tone>> = {
  faster: 'good',
  slower: 'bad',
  'no difference shown': 'plain',
  'cannot tell': 'plain',
  'not comparable': 'bad',
};

export const qualityTones: Readonly<Record<ComparisonVerdict['quality'], Tone>> = {
  'as good': 'good',
  worse: 'bad',
  'cannot tell': 'plain',
  'not compared': 'plain',
  'not to be trusted': 'bad',
};

export const claimTones: Readonly<Record<JudgedClaim['verdict'], Tone>> = {
  holds: 'good',
  'does not follow': 'bad',
  'cannot tell': 'plain',
};
