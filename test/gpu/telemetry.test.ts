// What only a GPU can show of telemetry: that NVIDIA's own library is read right. Energy by its counter and by its power
// agree, power lies within the limit, and the GPU sampled is the one that the engine computes on.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { energyByCounter, energyByPower } from '../../harness/telemetry/energy.js';
import { TelemetryTrace } from '../../harness/telemetry/telemetry-trace.js';
import { hostFeatures, openTelemetry, telemetrySources } from '../../native/index.js';
import { answerAll, gpuOptions, hasGpu, loadRequests, withBench } from './built-in.js';

/** Boards overshoot their limit for some milliseconds. */
const overshoot = 1.25;

describe.skipIf(!hasGpu())('telemetry of a GPU', () => {
  test('energy rises while the engine computes, within 0 and the limit', async () => {
    const { pciBusId, name } = hostFeatures().cuda.devices[0]!;
    const sampler = openTelemetry({
      ...telemetrySources,
      periodMs: 20,
      ringRows: 4096,
      gpus: [pciBusId],
    });
    try {
      expect(sampler.devices.filter(({ kind }) => kind === 'gpu')).toMatchObject([{ model: name }]);
      const requests = await loadRequests(64);
      const span = await withBench(gpuOptions('tiny-int4', 'fp16'), async (bench) => {
        const fromNs = Number(process.hrtime.bigint());
        for (let round = 0; Number(process.hrtime.bigint()) - fromNs < 3e9; round++) {
          await answerAll(
            bench,
            requests.map((request) => ({ ...request, id: request.id + 1000 * round })),
          );
        }
        return { fromNs, toNs: Number(process.hrtime.bigint()) };
      });
      await sleep(200);
      sampler.stop();
      expect(sampler.faults()).toEqual([]);
      const trace = new TelemetryTrace(sampler.devices, [sampler.take()]);
      const gpu = sampler.devices[0]!;
      const within = (channel: Parameters<typeof trace.within>[1]) => [
        ...(trace.within(gpu.name, channel, span)?.values ?? []),
      ];

      const watts = within('powerWatts');
      expect(watts.length).toBeGreaterThan(20);
      for (const value of watts) {
        expect(value).toBeGreaterThan(0);
        expect(value).toBeLessThan(overshoot * gpu.powerLimitWatts!);
      }
      const joules = within('energyJoules');
      expect(joules.every((value, row) => row === 0 || value >= joules[row - 1]!)).toBe(true);
      expect(joules.at(-1)! - joules[0]!).toBeGreaterThan(0);
      const counter = trace.around(gpu.name, 'energyJoules', span)!;
      const counted = energyByCounter(counter, span, { renewedNs: null, readingNs: 0 })!;
      const sampled = energyByPower(trace.around(gpu.name, 'powerWatts', span)!, span)!;
      expect(counted.joules / sampled.joules).toBeGreaterThan(0.75);
      expect(counted.joules / sampled.joules).toBeLessThan(1.33);

      for (const mhz of within('smClockMhz')) expect(mhz).toBeGreaterThan(100);
      for (const degrees of within('temperatureC')) {
        expect(degrees).toBeGreaterThan(5);
        expect(degrees).toBeLessThan(110);
      }
      for (const bytes of within('memoryUsedBytes')) expect(bytes).toBeGreaterThan(0);
      for (const bits of within('throttleReasons')) expect(Number.isInteger(bits)).toBe(true);
    } finally {
      sampler.stop();
    }
  });
});
