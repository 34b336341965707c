// What a person reads from `bench inspect`: the model, its formats in a table, what each device can make of it, doubts.

import pc from 'picocolors';
import type { InspectedLinear } from '../../native/index.js';
import type { InspectRecord } from '../commands/inspect.js';
import { type DeviceLimit, listGpuKernels } from '../model-limits.js';
import { alignColumns } from './columns.js';

/** The whole text, last newline included. */
export function formatInspection(record: InspectRecord, useColor: boolean): string {
  const colors = pc.createColors(useColor);
  const paragraphs = [
    formatModel(record),
    formatFormats(record),
    ...record.devices.map((device) => formatDevice(device, record.faults.length > 0)),
    record.devices.some(({ device }) => device !== 'cpu') ? '' : formatAnyGpu(record),
    record.faults.map((fault) => `${colors.red('fault')}  ${fault}`).join('\n'),
    record.doubts.map((doubt) => `${colors.yellow('doubt')}  ${doubt}`).join('\n'),
  ];
  return `${paragraphs.filter((text) => text !== '').join('\n\n')}\n`;
}

function formatModel(record: InspectRecord): string {
  const files = new Set(record.tensors.map(({ file }) => file)).size;
  const rows: [string, string][] = [
    ['model', `${record.model}, ${record.path}`],
    [
      'architecture',
      `${record.architecture}, ${record.layers} layers, hidden ${record.hiddenSize}, ${record.heads} heads of ${record.headDim} over ${record.kvHeads} kv heads, feed-forward ${record.intermediateSize}, vocabulary ${record.vocabSize}${record.tiedHead ? ', tied head' : ''}, context ${record.maxPositions}`,
    ],
    ['', describeBlocks(record)],
    ['', describeRope(record)],
    ['parameters', record.parameters.toLocaleString('en-US')],
    [
      'files',
      `${record.container}, ${files} ${files === 1 ? 'file' : 'files'}, ${record.tensors.length} tensors, ${size(record.storedBytes)}, ${record.verified ? 'every weight was read' : 'headers were read (--verify reads every weight)'}`,
    ],
    // A GGUF file has no config.json; its tensors' types are in the table.
    ...(record.container === 'gguf'
      ? []
      : [
          ['quantization', `config.json says ${describe(record.quantization)}`] as [string, string],
        ]),
    [
      'memory',
      `weights ${size(record.weightBytes)}, of which a token reads ${size(record.weightBytesPerToken)}; KV cache ${size(record.kvBytesPerToken16)} a token in 16 bits`,
    ],
    ...(record.tensorParallel.length === 0
      ? []
      : [
          [
            'devices',
            record.tensorParallel.length === 1
              ? 'one: its sizes let no others share every layer'
              : `one, or ${record.tensorParallel.slice(1).join(' or ')} that share every layer (tensor parallelism)`,
          ] as [string, string],
        ]),
  ];
  return rows.map(([name, value]) => `${name.padEnd(14)}${value}`).join('\n');
}

function describeBlocks(record: InspectRecord): string {
  const { norm, normEpsilon, mlp, parallel, qkNorm, biases, windows } = record;
  const layers = new Map<number, number>();
  for (const window of windows) layers.set(window, (layers.get(window) ?? 0) + 1);
  const seen = [...layers].map(([window, count]) => {
    const what = window === 0 ? 'all positions' : `the last ${window} positions`;
    return layers.size === 1 ? what : `${what} in ${count} layers`;
  });
  return [
    `${norm === 'rms' ? 'RMSNorm' : 'LayerNorm'} (${Number(normEpsilon.toPrecision(6))})${qkNorm ? ', also of q and k' : ''}`,
    `MLP ${mlp}${parallel ? ' beside attention' : ''}`,
    biases.length === 0 ? 'no biases' : `biases of ${biases.join(', ')}`,
    `attention to ${seen.join(', ')}`,
  ].join('; ');
}

function describeRope({ rope, headDim }: InspectRecord): string {
  const { theta, dims, interleaved, scaling, factor } = rope;
  const part = dims === headDim ? '' : ` of ${dims} of ${headDim} dimensions`;
  const pairs = interleaved ? 'neighbours' : 'halves';
  const scaled =
    scaling === 'none' ? '' : `, scaling ${scaling}${factor === 1 ? '' : ` by ${factor}`}`;
  return `rotary embedding${part}, theta ${theta}, pairs of ${pairs}${scaled}`;
}

function describe(quantization: InspectRecord['quantization']): string {
  if (quantization === null) return 'nothing';
  const { method, bits, groupSize, symmetric, actOrder, checkpointFormat } = quantization;
  const words = [method, `${bits} bits`];
  if (groupSize !== null) words.push(groupSize < 0 ? 'one scale a row' : `groups of ${groupSize}`);
  if (symmetric !== null) words.push(symmetric ? 'symmetric' : 'asymmetric');
  if (actOrder) words.push('act-order');
  if (checkpointFormat !== null) words.push(checkpointFormat);
  return words.join(', ');
}

/** One row for all linears of one name that are stored and held alike. */
function formatFormats({ linears, embedding, tiedHead }: InspectRecord): string {
  const groups = new Map<string, InspectedLinear[]>();
  // A tied head is the table, which has a row below.
  const head = tiedHead ? linears.find(({ path }) => path === embedding?.path) : undefined;
  for (const linear of linears) {
    if (linear === head) continue;
    const key = [moduleName(linear), linear.stored, linear.held, linear.groupSize].join(' ');
    groups.set(key, [...(groups.get(key) ?? []), linear]);
  }
  const rows = [...groups.values()].map((group) => {
    const [first] = group as [InspectedLinear];
    const place = [moduleName(first), String(group.length), `${first.n} x ${first.k}`];
    if (first.stored === null) return [...place, '-', '-', '-', '-', 'a fault, below'];
    const weights = group.reduce((sum, { n, k }) => sum + n * k, 0);
    const stored = group.reduce((sum, { storedBytes }) => sum + storedBytes!, 0);
    const held = group.reduce((sum, { heldBytes }) => sum + heldBytes!, 0);
    return [
      ...place,
      first.stored,
      bits(stored, weights),
      `${first.held}${first.groupSize == null ? '' : ` g${first.groupSize}`}`,
      bits(held, weights),
      first.reason ?? '',
    ];
  });
  if (embedding !== null) {
    const { n, k, stored, storedBytes, held, heldBytes } = embedding;
    const tied = tiedHead ? 'tied: stored once, held as the head and as this table' : '';
    const why = [head?.reason ?? '', tied].filter((text) => text !== '').join('; ');
    rows.push([
      moduleName(embedding),
      '1',
      `${n} x ${k}`,
      stored,
      bits(storedBytes, n * k),
      held,
      bits(heldBytes, n * k),
      why,
    ]);
  }
  const titles = ['linear', 'count', 'outputs x inputs', 'stored', 'bits', 'held', 'bits', 'why'];
  return alignColumns([titles, ...rows]);
}

function moduleName({ path }: Pick<InspectedLinear, 'path'>): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

function bits(bytes: number, weights: number): string {
  return ((8 * bytes) / weights).toFixed(2);
}

function formatDevice(limit: DeviceLimit, hasFaults: boolean): string {
  const { tokensPerSecond, tokensPerSecondAtContext, contextTokens } = limit;
  const rate = (value: number) => (value < 10 ? value.toFixed(2) : Math.round(value).toString());
  const lines = [`${limit.device.padEnd(14)}${limit.name}, ${describeBandwidth(limit)}`];
  if (limit.refusal !== null) lines.push(`  refused       ${limit.refusal}`);
  const bytes = `${size(limit.weightBytesPerToken)} of weights a token`;
  if (hasFaults) {
    lines.push('  limit         none: the model would be refused');
  } else if (tokensPerSecond === null || tokensPerSecondAtContext === null) {
    lines.push(`  limit         not known: ${bytes}`);
  } else {
    lines.push(
      `  limit         ${rate(tokensPerSecond)} tokens/s of one sequence without context, ${rate(tokensPerSecondAtContext)} at ${contextTokens} tokens (MBU 100 %): ${bytes}`,
    );
  }
  if (!limit.fits && !hasFaults)
    lines.push('  memory        weights and one such sequence do not fit');
  for (const { held, kernel, why } of limit.kernels) {
    lines.push(`  ${held.padEnd(14)}${kernel} (${why})`);
  }
  return lines.join('\n');
}

/** Where there is none: by which kernels one would compute. */
function formatAnyGpu({ linears, gpuRefusal }: InspectRecord): string {
  const lines = ['a GPU         none here; by its kernels for sm_80 and sm_90a:'];
  if (gpuRefusal !== null) lines.push(`  refused       ${gpuRefusal}`);
  for (const { held, kernel, why } of listGpuKernels(linears)) {
    lines.push(`  ${held.padEnd(14)}${kernel} (${why})`);
  }
  return lines.length > 1 ? lines.join('\n') : '';
}

function describeBandwidth({ bandwidthGBs, bandwidthFrom, loadAverage1m }: DeviceLimit): string {
  if (bandwidthGBs === null) return bandwidthFrom;
  const rate = `${bandwidthGBs.toFixed(1)} GB/s`;
  if (bandwidthFrom !== 'measured now') return `${rate} (${bandwidthFrom})`;
  const load = loadAverage1m === null ? '' : ` at load average ${loadAverage1m.toFixed(1)}`;
  return `${rate} read from memory (${bandwidthFrom}${load}; a model that lies in the cache may exceed the limit)`;
}

function size(bytes: number): string {
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(2)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
