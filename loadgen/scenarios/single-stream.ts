// SingleStream: one sample at a time, or as many as are asked for; the next goes when one is answered.

import type { AwaitTurn } from './pacing.js';

export const awaitSingleStreamTurn: AwaitTurn = async ({
  series,
  recorder,
  waiter,
  maxInFlight,
}) => {
  await waiter.untilSettled(recorder, series, maxInFlight - 1);
  return null;
};
