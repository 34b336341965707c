// The page about one run: verdict first, then figures, then what they rest on.

import { findPackageRoot } from '../../../package-root.js';
import type { RunEvidence } from '../../../run-evidence.js';
import { describePlace } from '../../place-text.js';
import { html, type Markup } from '../markup.js';
import { formatPage, section } from '../page.js';
import { showEngine } from './engine.js';
import { showHardware } from './hardware.js';
import { showHeadline } from './headline.js';
import { showLatency } from './latency.js';
import { showPeakSearch } from './peak.js';
import { showQuality } from './quality.js';
import { showSetup } from './setup.js';
import { showLengths, showThroughput } from './throughput.js';
import { showVerdict } from './verdict.js';

/** The whole document. */
export function formatRunPage(evidence: RunEvidence): string {
  const { record } = evidence;
  const { name, model, dataset, scenario, mode, sut } = record;
  const place = describePlace({ ...record, devices: sut?.devices ?? [] });
  return formatPage({
    title: `${name}: ${model.name} on ${dataset.name}, ${scenario}, ${mode}`,
    subtitle: [sut?.kind, model.weightFormat, ...place].filter(Boolean).join(' \u00b7 '),
    content: [
      showVerdict(record),
      showHeadline(record),
      showPeakSearch(record),
      showThroughput(evidence),
      showLatency(evidence),
      showEngine(evidence),
      showHardware(evidence),
      showQuality(evidence),
      showLengths(evidence),
      showSetup(record),
      showMissing(evidence),
    ],
    footer: html`Written by loadmark ${findPackageRoot().version} from run.json and the samples beside it; every marked figure names its field there. Not an MLPerf result.`,
  });
}

function showMissing({ missing }: RunEvidence): Markup {
  if (missing.length === 0) return html``;
  const items = missing.map((what) => html`<li>${what}</li>\n`);
  return section('Not on this page', html`<ul>${items}</ul>\n`);
}
