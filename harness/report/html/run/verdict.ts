// The verdict of a run in the words of the terminal's summary: does it count, were targets and limits met, and what has a
// reader to know?

import type { RunRecord } from '../../../run-record.js';
import { listWarnings } from '../../warnings.js';
import { html, type Markup } from '../markup.js';
import { formatNumber, formatQuantity } from '../number-text.js';
import { type Judgement, verdictBox } from '../verdict-box.js';
import { listLimits, percentileName } from './limits.js';

export function showVerdict(record: RunRecord): Markup {
  const others = [
    ...judgeLimits(record),
    ...judgeTargets(record),
    ...judgeSamples(record),
    ...judgeAudit(record),
  ];
  const notes = [
    ...record.invalidReasons.map((reason) => html`<b class="bad-text">${reason}</b>`),
    ...listWarnings(record).map((warning) => html`<b>${warning.replaceAll(/ {2,}/g, ': ')}</b>`),
    ...record.remarks,
  ];
  return verdictBox(judgeRun(record), others, notes);
}

function judgeRun({ valid, mode, scenario, performance }: RunRecord): Judgement {
  const tone = valid ? 'good' : 'bad';
  if (mode === 'find-peak') {
    const peak = performance?.peakSearch?.peakQps ?? null;
    const text =
      peak === null
        ? 'No rate was found that keeps the limits.'
        : `${formatNumber(peak)} queries/s keep the latency limits.`;
    return { tone, title: valid ? 'PEAK FOUND' : 'NO PEAK', text };
  }
  const text = valid
    ? `By LoadGen's rules for ${scenario} this run counts.`
    : `By LoadGen's rules for ${scenario} this run does not count; the reasons stand below.`;
  return { tone, title: valid ? 'VALID' : 'INVALID', text };
}

function judgeLimits(record: RunRecord): Judgement[] {
  return listLimits(record).map(({ what, value, percentile, measured, isKept }) => {
    const room =
      measured === null ? 'not measured' : `${formatQuantity((100 * measured) / value, '%')} of it`;
    return {
      tone: isKept === null ? 'plain' : isKept ? 'good' : 'bad',
      title: `${what} ${isKept === true ? 'keeps' : isKept === false ? 'breaks' : 'has'} its limit`,
      text: `${percentileName(percentile)} ${formatQuantity(measured, 'ms')} of ${formatQuantity(value, 'ms')} (${room})`,
    };
  });
}

function judgeTargets({ accuracy }: RunRecord): Judgement[] {
  if (accuracy === null) return [];
  const { targets, passed, samplesScored } = accuracy;
  if (targets.length === 0) {
    const text = `${formatNumber(samplesScored)} samples were scored; no target is set`;
    return [{ tone: 'plain', title: 'quality not judged', text }];
  }
  const met = targets.filter(({ pass }) => pass).length;
  const failed = targets.filter(({ pass }) => !pass).map(({ metric }) => metric);
  return [
    {
      tone: passed === true ? 'good' : 'bad',
      title: `${met} of ${targets.length} quality targets met`,
      text:
        failed.length > 0
          ? `missed: ${failed.join(', ')}`
          : `${formatNumber(samplesScored)} samples scored`,
    },
  ];
}

function judgeSamples({ performance }: RunRecord): Judgement[] {
  if (performance === null) return [];
  const { issuedSamples, completedSamples, failedSamples } = performance;
  const isWhole = completedSamples === issuedSamples && failedSamples === 0;
  const failed = failedSamples === 0 ? '' : `, ${formatNumber(failedSamples)} failed`;
  return [
    {
      tone: isWhole ? 'good' : 'bad',
      title: isWhole ? 'every sample answered' : 'samples without an answer',
      text: `${formatNumber(completedSamples)} of ${formatNumber(issuedSamples)}${failed}`,
    },
  ];
}

function judgeAudit({ audit }: RunRecord): Judgement[] {
  if (!audit) return [];
  const title = `${audit.test} ${audit.passed ? 'passed' : 'failed'}`;
  return [{ tone: audit.passed ? 'good' : 'bad', title, text: 'the audit of its answers' }];
}
