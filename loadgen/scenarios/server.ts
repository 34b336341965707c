// Server: queries arrive by a Poisson schedule whatever has been answered; a late one goes at once and stays late.

import type { AwaitTurn } from './pacing.js';

export const awaitServerTurn: AwaitTurn = async ({ query, series, recorder, waiter }) => {
  const dueNs = series.startNs + series.plan.scheduledNs[query]!;
  await waiter.untilTime(dueNs, recorder, series);
  return dueNs;
};
