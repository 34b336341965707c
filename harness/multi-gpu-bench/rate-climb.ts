// Up to which rate does a system keep its limits? Rates are tried in rising order up to the first INVALID one.

import { highestValidQps, type ServerRun } from './record.js';

export type MeasureRate = (targetQps: number) => Promise<ServerRun>;

/** Of the rate that as many workers as there are would serve each alone; 0.95 is what two must keep to be 1.9 of one. */
const sharesOfAll = [0.95, 1];

/** @param rates of one worker, rising */
export async function climbRates(
  rates: readonly number[],
  workers: number,
  measureOne: MeasureRate,
  measureAll: MeasureRate,
): Promise<{ readonly one: readonly ServerRun[]; readonly all: readonly ServerRun[] }> {
  const one = await climb(rates, measureOne);
  const best = highestValidQps(one);
  const ofAll = best === null ? [] : sharesOfAll.map((share) => roundRate(share * workers * best));
  return { one, all: await climb(ofAll, measureAll) };
}

/** A command shows it: 125.4, not 125.39999999999999. */
function roundRate(rate: number): number {
  return Number(rate.toPrecision(9));
}

async function climb(rates: readonly number[], measure: MeasureRate): Promise<ServerRun[]> {
  const runs: ServerRun[] = [];
  for (const rate of rates) {
    const run = await measure(rate);
    runs.push(run);
    if (!run.valid) break;
  }
  return runs;
}
