// Serves the page to Prometheus on a thread of its own: the thread that issues is never asked for it.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import { expositionType, formatMetrics, type LiveState } from './exposition.js';

/** What the thread is started with. */
export interface WorkerTerms
  extends Pick<LiveState, 'info' | 'values' | 'workers' | 'workerValues'> {
  readonly port: number;
  readonly host: string;
}

/** What it answers once: where it listens, or why it does not. */
export type WorkerNews =
  | { readonly port: number }
  | { readonly code: string; readonly message: string };

if (parentPort !== null) serve(workerData as WorkerTerms, parentPort);

function serve({ port, host, ...shown }: WorkerTerms, parent: NonNullable<typeof parentPort>) {
  let state: LiveState = { ...shown, devices: [], deviceValues: new Float64Array(0) };
  parent.on('message', (devices: Pick<LiveState, 'devices' | 'deviceValues'>) => {
    state = { ...state, ...devices };
  });
  const tell = (news: WorkerNews) => parent.postMessage(news);
  const server = createServer((request, response) => answer(request, response, state));
  server.on('error', (error: NodeJS.ErrnoException) =>
    tell({ code: error.code ?? 'ERR', message: error.message }),
  );
  server.listen(port, host, () => {
    const address = server.address();
    tell({ port: typeof address === 'object' && address !== null ? address.port : port });
  });
}

function answer(request: IncomingMessage, response: ServerResponse, state: LiveState): void {
  const path = request.url?.split('?')[0];
  const end = (status: number, text: string, type = 'text/plain; charset=utf-8') =>
    response.writeHead(status, { 'content-type': type }).end(text);
  if (path !== '/metrics') end(404, 'the figures are at /metrics\n');
  else if (request.method !== 'GET' && request.method !== 'HEAD') end(405, 'GET only\n');
  else end(200, formatMetrics(state), expositionType);
}
