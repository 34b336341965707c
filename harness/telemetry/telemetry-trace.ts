// What was sampled, column by column. Rows come from the native sampler as they are; what they mean is the business of
// whoever asks for a column.

import {
  type TelemetryChannel,
  type TelemetryDevice,
  telemetryRowTimes,
} from '../../native/index.js';

/** CLOCK_MONOTONIC nanoseconds. */
export interface Span {
  readonly fromNs: number;
  readonly toNs: number;
}

/** Values of a channel at their times; NaN where there was none. */
export interface Series {
  readonly timesNs: Float64Array;
  readonly values: Float64Array;
}

export class TelemetryTrace {
  /** When each row was begun, CLOCK_MONOTONIC nanoseconds. */
  readonly timesNs: Float64Array;
  /** How long each row took to read. */
  readonly tookNs: Float64Array;
  readonly #columns = new Map<string, Float64Array>();

  /** @param chunks rows (n, width) in order of time, as the sampler hands them out. */
  constructor(
    readonly devices: readonly TelemetryDevice[],
    chunks: readonly Float64Array[],
  ) {
    const channels = devices.flatMap(({ name, channels }) =>
      channels.map((channel) => `${name} ${channel}`),
    );
    const width = telemetryRowTimes + channels.length;
    const columns = Array.from({ length: width }, (_, column) => readColumn(chunks, width, column));
    this.timesNs = columns[0]!;
    this.tookNs = columns[1]!;
    channels.forEach((name, at) => {
      this.#columns.set(name, columns[telemetryRowTimes + at]!);
    });
  }

  get rows(): number {
    return this.timesNs.length;
  }

  /** The whole column; null where the device has no such channel. */
  column(device: string, channel: TelemetryChannel): Float64Array | null {
    return this.#columns.get(`${device} ${channel}`) ?? null;
  }

  /** The rows within a span, and one on either side of it, so that its ends can be interpolated. */
  around(device: string, channel: TelemetryChannel, { fromNs, toNs }: Span): Series | null {
    const values = this.column(device, channel);
    if (values === null) return null;
    const { timesNs } = this;
    let first = timesNs.findLastIndex((at) => at <= fromNs);
    if (first < 0) first = 0;
    const after = timesNs.findIndex((at) => at >= toNs);
    const end = after < 0 ? timesNs.length : after + 1;
    return { timesNs: timesNs.subarray(first, end), values: values.subarray(first, end) };
  }

  /** The longest that the samples around both ends of a span took to read. */
  readNs({ fromNs, toNs }: Span): number {
    const { timesNs, tookNs } = this;
    const ends = [fromNs, toNs].flatMap((atNs) => [
      timesNs.findLastIndex((at) => at <= atNs),
      timesNs.findIndex((at) => at >= atNs),
    ]);
    return ends.reduce((most, row) => Math.max(most, tookNs[row] ?? 0), 0);
  }

  /** The rows within a span alone. */
  within(device: string, channel: TelemetryChannel, { fromNs, toNs }: Span): Series | null {
    const values = this.column(device, channel);
    if (values === null) return null;
    const { timesNs } = this;
    const first = timesNs.findIndex((at) => at >= fromNs);
    const end = timesNs.findLastIndex((at) => at <= toNs) + 1;
    if (first < 0 || end <= first) {
      return { timesNs: new Float64Array(0), values: new Float64Array(0) };
    }
    return { timesNs: timesNs.subarray(first, end), values: values.subarray(first, end) };
  }
}

function readColumn(chunks: readonly Float64Array[], width: number, column: number): Float64Array {
  const rows = chunks.reduce((sum, chunk) => sum + chunk.length / width, 0);
  const values = new Float64Array(rows);
  let row = 0;
  for (const chunk of chunks) {
    for (let at = column; at < chunk.length; at += width) values[row++] = chunk[at]!;
  }
  return values;
}
