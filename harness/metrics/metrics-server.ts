// `--metrics-port`: starts the thread that serves a run's live figures, and tells it of devices when they are known.

import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { RunConfig } from '../config.js';
import { InputError } from '../errors.js';
import { findPackageRoot } from '../package-root.js';
import type { TelemetryRecorder } from '../telemetry/telemetry-recorder.js';
import { LiveFigures } from './live-figures.js';
import type { WorkerNews, WorkerTerms } from './metrics-worker.js';

export class MetricsServer {
  private constructor(
    readonly figures: LiveFigures,
    readonly url: string,
    readonly worker: Worker,
  ) {}

  /**
   * null where none is asked for.
   * @throws InputError when the port cannot be had.
   */
  static async start(config: RunConfig): Promise<MetricsServer | null> {
    const { port, host } = config.metrics;
    if (port === null) return null;
    const workers = (config.workers ?? []).map(({ devices }) => devices.join('+'));
    const figures = new LiveFigures(workers.length);
    const { values, workerValues } = figures;
    const shown = { info: describeRun(config), values, workers, workerValues };
    const terms: WorkerTerms = { port, host, ...shown };
    // Compiled code, wherever this file itself runs from: threads start from nothing else.
    const file = join(findPackageRoot().folder, 'dist', 'harness', 'metrics', 'metrics-worker.js');
    const worker = new Worker(file, { workerData: terms });
    worker.unref();
    const [news] = (await once(worker, 'message')) as [WorkerNews];
    if ('port' in news) {
      const name = host.includes(':') ? `[${host}]` : host;
      return new MetricsServer(figures, `http://${name}:${news.port}/metrics`, worker);
    }
    figures.stop();
    await worker.terminate();
    const why = news.code === 'EADDRINUSE' ? 'is in use' : `cannot be had (${news.message})`;
    const message = `port ${port} of ${host} ${why}; allowed: a free port, or 0 for any`;
    throw new InputError([{ where: '--metrics-port', message }]);
  }

  watch(telemetry: TelemetryRecorder): void {
    const deviceValues = this.figures.watch(() => telemetry.live());
    const devices = telemetry
      .live()
      .map(({ name, kind, values }) => ({ name, kind, channels: Object.keys(values) }));
    this.worker.postMessage({ devices, deviceValues });
  }

  async close(): Promise<void> {
    this.figures.stop();
    await this.worker.terminate();
  }
}

function describeRun(config: RunConfig): Readonly<Record<string, string>> {
  const { name, model, dataset, scenario, mode, sut } = config;
  const { version } = findPackageRoot();
  return { name, model: model.name, dataset, scenario, mode, sut, version };
}
