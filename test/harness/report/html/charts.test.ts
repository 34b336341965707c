// The drawings: values lie where the axes say, nothing leaves the plot, and the table behind says the same.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plotArea } from '../../../../harness/report/html/charts/chart.js';
import {
  atShare,
  cumulativeChart,
  histogramChart,
} from '../../../../harness/report/html/charts/distribution.js';
import { forestChart } from '../../../../harness/report/html/charts/forest.js';
import { placeLabels } from '../../../../harness/report/html/charts/labels.js';
import { percentileChart } from '../../../../harness/report/html/charts/percentiles.js';
import { rooflineChart } from '../../../../harness/report/html/charts/roofline.js';
import {
  chooseScale,
  linearScale,
  logScale,
} from '../../../../harness/report/html/charts/scale.js';
import { scatterChart } from '../../../../harness/report/html/charts/scatter.js';
import { timeSeriesChart } from '../../../../harness/report/html/charts/time-series.js';

const words = { title: 'A <title>', description: 'What & why' };

/** Of every circle, cx and cy. */
function circlesOf(text: string): [number, number][] {
  return [...text.matchAll(/cx="([^"]+)" cy="([^"]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);
}

function pathsOf(text: string, kind: string): string[] {
  return [...text.matchAll(/<path class="([^"]+)" d="([^"]*)"/g)]
    .filter(([, name]) => name === kind)
    .map(([, , path]) => path!);
}

function cellsOf(text: string): string[] {
  return [...text.matchAll(/<(?:td|th scope="row")[^>]*>([^<]*)</g)].map(([, cell]) => cell!);
}

function checkDrawing(text: string): void {
  expect(text).not.toMatch(/NaN|undefined|Infinity|\bnull\b/);
  expect(text).toContain('<title>A &lt;title&gt;</title><desc>What &amp; why</desc>');
  for (const [x, y] of circlesOf(text)) {
    expect(x).toBeGreaterThanOrEqual(plotArea.left);
    expect(x).toBeLessThanOrEqual(plotArea.right);
    expect(y).toBeGreaterThanOrEqual(plotArea.top);
  }
  const opened = text
    .match(/<[a-z]\w*(?=[\s>])[^>]*(?<!\/)>/g)
    ?.filter((tag) => !/^<meta/.test(tag));
  expect(opened).toHaveLength(text.match(/<\/[a-z]\w*>/g)?.length ?? 0);
}

describe('scales', () => {
  it('put the ends of what is drawn at the ends of the plot', () => {
    const linear = linearScale([0, 100], [50, 550]);
    expect([linear.at(0), linear.at(50), linear.at(100)]).toEqual([50, 300, 550]);
    const log = logScale([1, 10_000], [0, 400]);
    expect([1, 10, 100, 10_000].map(log.at)).toEqual([0, 100, 200, 400]);
    expect(log.ticks).toEqual([1, 10, 100, 1000, 10_000]);
    expect(log.at(0)).toBe(0);
  });

  it('has some ticks, and not too many, whatever is spanned', () => {
    for (const span of [1.02, 1.3, 2, 5, 30, 300, 1e4, 1e9, 1e15]) {
      const { ticks } = logScale([0.7, 0.7 * span], [0, 500]);
      expect([span, ticks.length >= 1, ticks.length <= 12]).toEqual([span, true, true]);
    }
    expect(linearScale([3, 3], [0, 1]).ticks.length).toBeGreaterThan(1);
    expect(() => logScale([0, 1], [0, 1])).toThrow('begins at 0');
  });

  it('is logarithmic only where values lie far apart', () => {
    expect(chooseScale([0, 1, 99], [0, 1]).kind).toBe('linear');
    expect(chooseScale([0, 1, 101], [0, 1]).kind).toBe('log');
    expect(chooseScale([], [0, 1]).kind).toBe('linear');
  });
});

describe('distributions', () => {
  const sorted = Float64Array.from({ length: 1000 }, (_, i) => i + 1);

  it('draws each share at its value, and tabulates the percentiles as LoadGen picks them', () => {
    const text = cumulativeChart({
      ...words,
      label: 'time, ms',
      unit: 'ms',
      series: [{ name: 'time', sorted }],
      marks: [{ name: 'p50', share: 0.5, value: atShare(sorted, 0.5) }],
      limit: { value: 500, name: 'limit 500 ms' },
    }).text;
    checkDrawing(text);
    // Values span a factor of 1000: the axis is logarithmic from 1 / 1.15 to 1000 x 1.15.
    const scale = logScale([1 / 1.15, 1150], [plotArea.left, plotArea.right]);
    expect(circlesOf(text)[0]![0]).toBeCloseTo(scale.at(501), 0);
    const limit = pathsOf(text, 'line limit')[0]!;
    expect(Number(/^M([\d.]+)/.exec(limit)![1])).toBeCloseTo(scale.at(500), 0);
    const cells = cellsOf(text);
    expect(cells[cells.indexOf('50\u00a0%') + 1]).toBe('501');
    expect(cells[cells.indexOf('99\u00a0%') + 1]).toBe('991');
    expect(cells.at(-1)).toBe('1\u202f000');
    const curve = pathsOf(text, 'line s1')[0]!;
    expect(curve.match(/[MLHV]/g)!.length).toBeLessThan(2 * 240 + 4);
  });

  it('counts every value in exactly one bin', () => {
    for (const values of [[3, 3, 3], [1, 2, 2, 40], [0.1, 0.25, 7.5], [5], [100, 1_000_000]]) {
      const text = histogramChart({
        ...words,
        label: 'tokens',
        unit: 'tokens',
        sorted: Float64Array.from(values),
      }).text;
      checkDrawing(text);
      const counts = cellsOf(text).filter((_, i) => i % 2 === 1);
      expect(counts.reduce((sum, count) => sum + Number(count), 0)).toBe(values.length);
      expect(pathsOf(text, 'bar s1')).toHaveLength(counts.length);
      expect(counts.length).toBeLessThan(40);
    }
  });
});

describe('the other charts', () => {
  it('draws a line a series over time, with its names and its data', () => {
    const points = [0, 1, 2].map((seconds) => ({ seconds, value: 10 * seconds }));
    const series = [
      { name: 'one', points },
      { name: 'two', points: points.map(({ seconds }) => ({ seconds, value: 5 })) },
    ];
    const text = timeSeriesChart({ ...words, label: 'tokens/s', series, step: 'none' }).text;
    checkDrawing(text);
    const [one, two] = [pathsOf(text, 'line s1')[0]!, pathsOf(text, 'line s2')[0]!];
    expect(one).toBe('M52,208L299,109L546,10');
    expect(two).toBe('M52,158.5L299,158.5L546,158.5');
    expect(text).toContain('<i class="key s2"></i>two');
    expect(cellsOf(text).slice(-3)).toEqual(['2.000', '20', '5']);
  });

  it('marks percentiles and limits on one axis', () => {
    const marks = [10, 20, 40].map((value, i) => ({ name: `p${i}`, share: 0.5, value }));
    const rows = [{ name: 'first token', marks, limit: { value: 400, name: 'limit 400 ms' } }];
    const text = percentileChart({ ...words, unit: 'ms', rows }).text;
    checkDrawing(text);
    const [a, b, c] = circlesOf(text).map(([x]) => x);
    expect(b! - a!).toBeCloseTo(c! - b!, 0);
    expect(cellsOf(text)).toEqual(['first token', '10', '20', '40', '400']);
  });

  it('draws ratios with intervals against the line where nothing differs', () => {
    const rows = [
      { name: 'rouge1', ratio: 1, interval: { low: 0.9, high: 1.1 }, threshold: 0.99 },
      { name: 'mmlu', ratio: 0.95, interval: null, threshold: null },
    ];
    const text = forestChart({ ...words, label: 'ratio', rows }).text;
    checkDrawing(text);
    const place = Number(/^M([\d.]+)/.exec(pathsOf(text, 'line reference')[0]!)![1]);
    expect(circlesOf(text)[0]![0]).toBe(place);
    expect(circlesOf(text)[1]![0]).toBeLessThan(place);
    expect(pathsOf(text, 'line range')).toHaveLength(1);
    expect(cellsOf(text)).toEqual([
      'rouge1',
      '1',
      '0.9 to 1.1',
      '0.99',
      'mmlu',
      '0.95',
      'none',
      'any',
    ]);
  });

  it('draws points, limits and a front', () => {
    const front = [1, 2, 3].map((x) => ({ x, y: 10 - x, name: `batch ${x}` }));
    const series = [{ name: 'front', points: front, isJoined: true }];
    const yLimit = { value: 20, name: 'limit' };
    const text = scatterChart({ ...words, xLabel: 'a', yLabel: 'b', series, yLimit }).text;
    checkDrawing(text);
    const places = circlesOf(text);
    expect(pathsOf(text, 'line s1')[0]).toBe(
      places.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${x} ${y}`).join(''),
    );
    expect(places[0]![1]).toBeLessThan(places[2]![1]);
  });

  it('puts a point as far below its roof as it reached of it', () => {
    const ceilings = { bandwidthGBs: 1000, tflops: 100, source: 'datasheet' };
    const points = [{ name: 'decode', intensity: 10, tflops: 5 }];
    const text = rooflineChart({ ...words, ceilings, points }).text;
    checkDrawing(text);
    // 10 operations a byte at 1000 GB/s are 10 TFLOP/s: half of the roof was reached.
    expect(cellsOf(text)).toEqual(['decode', '10', '5', '0.5']);
    const roof = pathsOf(text, 'line s2')[0]!
      .match(/[\d.]+/g)!
      .map(Number);
    const [[x, y]] = circlesOf(text) as [[number, number]];
    const along = (x - roof[0]!) / (roof[2]! - roof[0]!);
    expect(y).toBeGreaterThan(roof[1]! + along * (roof[3]! - roof[1]!));
  });

  it('has no flat roof where arithmetic was not measured, and lets a cache be faster than memory', () => {
    const ceilings = { bandwidthGBs: 20, tflops: null, source: 'read by 2 threads' };
    for (const [tflops, share] of [
      [0.1, '0.5'],
      [0.6, '3'],
    ] as const) {
      const points = [{ name: 'decode', intensity: 10, tflops }];
      const text = rooflineChart({ ...words, ceilings, points }).text;
      checkDrawing(text);
      expect(cellsOf(text)).toEqual(['decode', '10', String(tflops), share]);
      expect(text).toContain('20\u00a0GB/s, read by 2 threads</text>');
      const [x0, y0, x1, y1] = pathsOf(text, 'line s2')[0]!
        .match(/[\d.]+/g)!
        .map(Number);
      const [[x, y]] = circlesOf(text) as [[number, number]];
      const slope = y0! + ((x - x0!) / (x1! - x0!)) * (y1! - y0!);
      expect(y > slope).toBe(tflops < 0.2);
    }
  });
});

describe('labels of points', () => {
  it('never lie on each other or on a point, and are left out before they do', () => {
    const place = fc.record({
      x: fc.integer({ min: plotArea.left, max: plotArea.right }),
      y: fc.integer({ min: plotArea.top, max: plotArea.bottom }),
      text: fc.string({ minLength: 1, maxLength: 14 }),
    });
    fc.assert(
      fc.property(fc.array(place, { maxLength: 25 }), (labels) => {
        const boxes = placeLabels(labels).map(({ textX, textY, anchor, text, ...point }) => {
          const width = 6.5 * text.length;
          const left = anchor === 'start' ? textX : textX - width;
          return { left, right: left + width, top: textY - 9, bottom: textY + 2, point };
        });
        for (const [i, a] of boxes.entries()) {
          for (const b of boxes.slice(i + 1)) {
            const isApart =
              a.right < b.left || b.right < a.left || a.bottom < b.top || b.bottom < a.top;
            expect(isApart).toBe(true);
          }
          for (const { x, y } of labels) {
            const isOn = x > a.left && x < a.right && y > a.top && y < a.bottom;
            expect(isOn && (x !== a.point.x || y !== a.point.y)).toBe(false);
          }
        }
        if (labels.length === 1 && labels[0]!.text.length < 8) expect(boxes).toHaveLength(1);
      }),
    );
  });
});
