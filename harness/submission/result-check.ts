// What is wrong with one result? Asks every rule of it; which results there are is the caller's business.

import type { DetailLog } from './detail-log.js';
import type { Finding } from './finding.js';
import { type Result, readText } from './result.js';
import { checkAccuracyCount, checkAccuracyText } from './rules/accuracy-rules.js';
import { checkAccuracyLog } from './rules/answer-rules.js';
import { checkAudits } from './rules/audit-rules.js';
import { checkFigures } from './rules/figure-rules.js';
import { checkFiles } from './rules/file-rules.js';
import { checkLog } from './rules/log-rules.js';
import { checkPair } from './rules/pair-rules.js';
import { checkPerformance } from './rules/performance-rules.js';
import { checkMode, checkPerformanceSettings } from './rules/setting-rules.js';
import { checkSimulation } from './rules/simulation-rules.js';
import { checkSummary } from './rules/summary-rules.js';

/** Everything that is asked of one result. */
export function checkResult(result: Result): Finding[] {
  const { folder, performance, accuracy } = result;
  const [performanceFile, accuracyFile] = [folder.performance('detail'), folder.accuracy('detail')];
  return [
    ...checkFiles(result),
    ...(performance === null
      ? []
      : [
          ...checkLog(performance, performanceFile, result),
          ...checkPerformance(performance, performanceFile, result),
          ...checkPerformanceSettings(performance, performanceFile, result),
          ...checkFigures(performance, performanceFile),
          ...checkSummaryOf(folder.performance('summary'), performance, result),
        ]),
    ...(accuracy === null
      ? []
      : [
          ...checkLog(accuracy, accuracyFile, result),
          ...checkMode(accuracy, accuracyFile, 'AccuracyOnly'),
          ...checkAccuracyCount(accuracy, accuracyFile, result),
          ...checkSummaryOf(folder.accuracy('summary'), accuracy, result),
        ]),
    ...checkPair(result),
    ...checkAccuracyText(result),
    ...checkAccuracyLog(result),
    ...checkAudits(result),
    ...checkSimulation(result),
  ];
}

/** That a submission has one is asked of its files. */
function checkSummaryOf(file: string, log: DetailLog, { isSubmission }: Result): Finding[] {
  return isSubmission && readText(file) === null ? [] : checkSummary(file, log);
}
