// What should a reader of a run know although it does not decide whether the run counts?

import type { TestOutcome } from '../loadgen/index.js';
import { remarkOnSeenSamples } from './calibration-provenance.js';
import { remarkOnProfile } from './kernel-profile.js';
import type { PassResult } from './pass.js';
import { remarkOnSource } from './run-dataset.js';
import type { RunMaterial } from './run-record.js';
import type { TelemetryRecord } from './telemetry/telemetry-record.js';
import { listTelemetryRemarks } from './telemetry/telemetry-remarks.js';
import { measuredPass } from './test-settings.js';
import { remarkOnLosses } from './worker-losses.js';

export function listRemarks(material: RunMaterial, telemetry: TelemetryRecord | null): string[] {
  const { accuracy, performance, config, profile, library, sut } = material;
  const source = remarkOnSource(library.dataset);
  const seen = remarkOnSeenSamples(config.model.folder, library.dataset);
  const work = {
    accuracy: accuracy?.work?.workers[0] ?? null,
    performance: performance?.work?.workers[0] ?? null,
    measured: measuredPass(config.mode),
  };
  return [
    ...(source === null ? [] : [source]),
    ...(seen === null ? [] : [seen]),
    ...(performance?.outcome.remarks ?? []),
    ...remarkOnConcurrency(config),
    ...remarkOnProbe(performance),
    ...remarkOnLosses(sut?.losses ?? []),
    ...remarkOnProfile(config.engine, profile, work),
    ...(telemetry === null
      ? []
      : listTelemetryRemarks(telemetry, config.telemetry.driftShareLimit)),
  ];
}

/** A closed loop of several queries is no scenario of MLPerf's, though its logs call it SingleStream. */
function remarkOnConcurrency({ scenario, singleStream }: RunMaterial['config']): string[] {
  const { concurrency } = singleStream;
  if (scenario !== 'SingleStream' || concurrency === 1) return [];
  return [
    `${concurrency} queries in flight: a closed loop of loadmark's own, of which MLPerf's SingleStream has 1`,
  ];
}

/** A search has done its work when it has found the peak, whatever one probe alone would be called. */
export function hasFoundPeak({ peakSearch, failed }: TestOutcome): boolean {
  return peakSearch?.peakQps != null && failed.length === 0;
}

/** What LoadGen's verdict on the reported probe is, where the search does not go by it. */
function remarkOnProbe(performance: PassResult | null): string[] {
  if (performance === null || performance.outcome.valid) return [];
  if (!hasFoundPeak(performance.outcome)) return [];
  const reasons = performance.outcome.invalidReasons.map((reason) =>
    reason.replaceAll(/\s+/g, ' '),
  );
  return [`the probe at the peak is INVALID as a run of its own: ${reasons.join('; ')}`];
}
