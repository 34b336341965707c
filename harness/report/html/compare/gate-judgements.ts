// A gate's results as they stand beside the verdict.

import type { GateResult } from '../../../compare/gate.js';
import type { Judgement } from '../verdict-box.js';

const tones = { regression: 'bad', 'no regression': 'good', 'cannot tell': 'plain' } as const;

export function listGate(gate: readonly GateResult[]): Judgement[] {
  return gate.map(({ name, verdict, reason, needed }) => {
    const text = needed === null ? reason : `${reason}; it would take ${needed}`;
    return { tone: tones[verdict], title: `${name}: ${verdict}`, text };
  });
}
