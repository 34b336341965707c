// What do an auditor's file and test05 make of the requested settings? Both come last, after every other file, and leave
// a warning in the detail log.

import { loadConf } from './conf-loader.js';
import type { DetailLog } from './log/detail.js';
import type { TestSettings } from './settings.js';

/** Settings after the audit, and what it has to say in the detail log, in order. */
export interface AuditedSettings {
  readonly settings: TestSettings;
  readonly remarks: readonly AuditRemark[];
}

interface AuditRemark {
  readonly kind: 'warning' | 'error';
  readonly message: string;
}

/** As LoadGen applies it: for any model, so that lines that name one are passed over. */
export function auditSettings(requested: TestSettings, auditConf?: string): AuditedSettings {
  const remarks: AuditRemark[] = [];
  let settings = requested;
  if (auditConf !== undefined) {
    // Sic: LoadGen says so whatever the file is called, and MLPerf's checks search for it.
    const message =
      'Found Audit Config file (audit.config). Overriding TestSettings from audit.config file.';
    remarks.push({ kind: 'warning', message });
    const load = loadConf(settings, { name: 'audit.config', text: auditConf }, 'audit', '*');
    settings = load.settings;
    remarks.push(...load.complaints.map((text): AuditRemark => ({ kind: 'error', message: text })));
  }
  if (settings.test05) {
    remarks.push({ kind: 'warning', message: 'Test05 flag detected Overriding random seeds' });
    settings = {
      ...settings,
      mode: 'PerformanceOnly',
      qslRngSeed: requested.test05QslRngSeed,
      sampleIndexRngSeed: requested.test05SampleIndexRngSeed,
      scheduleRngSeed: requested.test05ScheduleRngSeed,
    };
  }
  return { settings, remarks };
}

/** Writes the remarks where LoadGen has them: between the parties and the settings. */
export function logAudit(log: DetailLog, { remarks }: AuditedSettings): void {
  for (const { kind, message } of remarks) {
    if (kind === 'warning') log.warning('loadgen.cc', message);
    else log.error('test_settings_internal.cc', 'error_invalid_config', message);
  }
}
