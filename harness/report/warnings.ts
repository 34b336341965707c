// What keeps a run from being a measurement of a machine? The terminal and the page say it alike.

import type { RunRecord } from '../run-record.js';

/** Each begins with one word in capitals and blanks. */
export function listWarnings({ clock, sut, model }: RunRecord): string[] {
  const warnings: string[] = [];
  if (model.synthetic) {
    warnings.push(
      'SYNTHETIC   the weights are random: speed is measured, the answers mean nothing',
    );
  }
  if (sut?.kind === 'scripted') {
    warnings.push(
      `SCRIPTED    no measurement: answers and their times are those of ${sut.features.script}`,
    );
  }
  if (clock === 'virtual') {
    warnings.push('SIMULATED   every time below is of the virtual clock; nothing was waited for');
  }
  return warnings;
}
