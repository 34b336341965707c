// Offline: everything is asked for at once, at the start.

import type { AwaitTurn } from './pacing.js';

export const awaitOfflineTurn: AwaitTurn = ({ series }) => Promise.resolve(series.startNs);
