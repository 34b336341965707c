// Under which settings, on which machine and by which command? Folded, since most readers know.

import type { RunRecord } from '../../../run-record.js';
import { fold } from '../fold.js';
import { type Content, html, type Markup } from '../markup.js';
import { formatBytes, formatNumber, formatShare } from '../number-text.js';
import { section } from '../page.js';
import { pairs } from '../table.js';

export function showSetup(record: RunRecord): Markup {
  const { system, model, dataset, sut, settings, accuracy, config } = record;
  return section('How it was made', [
    html`<pre class="command">${record.command.map(quoteWord).join(' ')}</pre>\n`,
    pairs([
      ['started', record.startedAt],
      ['run', record.id],
      ['loadmark', `${record.version}, commit ${record.commit ?? 'not known'}`],
      ['load of the machine', describeLoad(record)],
    ]),
    fold('Machine', pairs([...listFields({ ...system, gpus: undefined }), ...listGpus(record)])),
    fold('Model', pairs(listFields({ ...model, ...bytesOf('weightBytes', model.weightBytes) }))),
    fold('Dataset', pairs(listFields(dataset))),
    sut === null
      ? null
      : fold('System under test and its kernels', pairs(listFields({ ...sut, model: undefined }))),
    settings === null
      ? null
      : fold("LoadGen's settings, as they were in force", pairs(listFields(settings.effective))),
    settings === null
      ? null
      : fold(
          "LoadGen's settings, as they were asked for",
          pairs(listFields(settings.requested)),
          false,
        ),
    accuracy === null
      ? null
      : fold(
          "LoadGen's settings of the accuracy pass",
          pairs(listFields(accuracy.settings.effective)),
        ),
    fold('Run configuration, defaults filled in', pairs(listFields(config))),
  ]);
}

function describeLoad({ performance, accuracy }: RunRecord): string {
  const load = performance?.load ?? accuracy?.load ?? null;
  if (load === null) return 'not known';
  const { loadAverage1m, stealShare, busyShare } = load;
  return [
    `${formatShare(busyShare)} of processor time in use`,
    `${formatShare(stealShare)} taken by the hypervisor`,
    `load average ${formatNumber(loadAverage1m)}`,
  ].join(', ');
}

function listGpus({ system }: RunRecord): [string, Content][] {
  return system.gpus.flatMap((gpu, i) => listFields({ [`gpu ${i}`]: gpu }));
}

function bytesOf(name: string, bytes: number | null): Readonly<Record<string, string | null>> {
  return { [name]: bytes === null ? null : `${bytes} (${formatBytes(bytes)})` };
}

/** Nested names are joined by dots; absent ones are left out, null is said. */
function listFields(fields: object, path = ''): [string, Content][] {
  return Object.entries(fields).flatMap(([name, value]): [string, Content][] => {
    const full = path === '' ? name : `${path}.${name}`;
    if (value === undefined) return [];
    if (value === null) return [[full, 'none']];
    if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) {
      return [[full, value.length === 0 ? 'none' : value.join(', ')]];
    }
    return typeof value === 'object' ? listFields(value, full) : [[full, String(value)]];
  });
}

/** As a shell would need it. */
function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
