// MultiStream: one query of several samples at a time; the next goes when all of them are answered.

import type { AwaitTurn } from './pacing.js';

export const awaitMultiStreamTurn: AwaitTurn = async ({ series, recorder, waiter }) => {
  await waiter.untilSettled(recorder, series);
  return null;
};
