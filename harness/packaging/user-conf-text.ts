// What did the submitter ask for, in the words of a user.conf? The file that the run was given, where it is still what it
// was, and otherwise the settings that the run asked LoadGen for.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RunRecord } from '../run-record.js';

/** The whole file. */
export function formatUserConf(record: RunRecord): string {
  return readOwnFile(record) ?? writeSettings(record);
}

/** null where the run had none, or where it is not the same file any more. */
function readOwnFile({ settings }: RunRecord): string | null {
  const file = settings?.confFiles?.userConf ?? null;
  if (file === null) return null;
  try {
    const text = readFileSync(file.path, 'utf8');
    const isSame = createHash('sha256').update(text).digest('hex') === file.sha256;
    return isSame && text.trim() !== '' ? text : null;
  } catch {
    return null;
  }
}

function writeSettings({ settings, scenario }: RunRecord): string {
  const asked = settings!.requested;
  const values: Record<string, number> = {
    min_duration: asked.minDurationMs,
    min_query_count: asked.minQueryCount,
    ...scenarioValues(scenario, asked),
  };
  return [
    "# Written by loadmark: the settings that the run asked for besides mlperf.conf's.",
    ...Object.entries(values).map(([key, value]) => `*.${scenario}.${key} = ${value}`),
    '',
  ].join('\n');
}

function scenarioValues(
  scenario: string,
  asked: NonNullable<RunRecord['settings']>['requested'],
): Record<string, number> {
  switch (scenario) {
    case 'Offline':
      return { target_qps: asked.offlineExpectedQps };
    case 'Server':
      return {
        target_qps: asked.serverTargetQps,
        ttft_latency: asked.serverTtftLatencyNs / 1e6,
        tpot_latency: asked.serverTpotLatencyNs / 1e6,
      };
    case 'SingleStream':
      return { target_latency: asked.singleStreamExpectedLatencyNs / 1e6 };
    default:
      return {
        target_latency: asked.multiStreamExpectedLatencyNs / 1e6,
        samples_per_query: asked.multiStreamSamplesPerQuery,
      };
  }
}
