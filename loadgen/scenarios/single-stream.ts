// SingleStream: one sample at a time; the next goes when the last is answered.

import type { AwaitTurn } from './pacing.js';

export const awaitSingleStreamTurn: AwaitTurn = async ({ series, recorder, waiter }) => {
  await waiter.untilSettled(recorder, series);
  return null;
};
