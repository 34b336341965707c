// A hub on this machine that speaks as huggingface.co does: revisions, a tree in pages, files by redirection to another
// server, parts by Range; and that breaks off, lies or refuses on demand.

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const commit = 'a'.repeat(39).concat('1');

export interface ServedFile {
  readonly content: Buffer;
  /** Large files have a sha256 and come from the other server. */
  readonly isLfs: boolean;
}

/** What goes wrong, and how often it still does. */
export interface Troubles {
  /** The connection of a large file ends after so many bytes, `times` times. */
  breakAfter?: number;
  times?: number;
  /** A large file's bytes differ from its checksum. */
  isWrong?: boolean;
  ignoresRange?: boolean;
  /** Status of the next `times` answers of the hub or, with `ofStore`, of the other server. */
  refusal?: { readonly status: number; readonly retryAfter?: string; readonly ofStore?: boolean };
  /** A file of the hub's own differs from its checksum. */
  isWrongSmall?: boolean;
  stalls?: boolean;
  /** One more entry of the tree. */
  strangePath?: string;
}

export interface Asked {
  readonly host: 'hub' | 'store';
  readonly url: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

export class HubServer {
  readonly files = new Map<string, ServedFile>();
  readonly asked: Asked[] = [];
  troubles: Troubles = {};
  /** Needed to read anything, where it is not null. */
  token: string | null = null;
  readonly #hub = createServer((request, response) => {
    this.#answerHub(request, response);
  });
  readonly #store = createServer((request, response) => {
    this.#answerStore(request, response);
  });

  async start(): Promise<void> {
    for (const server of [this.#hub, this.#store]) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    }
  }

  async stop(): Promise<void> {
    for (const server of [this.#hub, this.#store]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  get endpoint(): string {
    return addressOf(this.#hub);
  }

  add(path: string, content: string | Buffer, isLfs = false): void {
    this.files.set(path, { content: Buffer.from(content), isLfs });
  }

  #answerHub(request: IncomingMessage, response: ServerResponse): unknown {
    this.#note('hub', request);
    const { pathname, searchParams } = new URL(request.url ?? '/', this.endpoint);
    if (this.#turnsAway('hub', response)) return undefined;
    if (this.token !== null && request.headers.authorization !== `Bearer ${this.token}`) {
      return refuse(response, 401, 'GatedRepo');
    }
    const [, kind, id, what] =
      /^\/api\/(models|datasets)\/(own\/small|cais\/mmlu)\/(.+)$/.exec(pathname) ?? [];
    if (id !== undefined && kind !== undefined && what !== undefined) {
      if (what === 'revision/main' || what === 'revision/v1')
        return sendJson(response, { sha: commit });
      if (what.startsWith('revision/')) return refuse(response, 404, 'RevisionNotFound');
      if (what === `tree/${commit}`) return this.#sendTree(response, searchParams.get('cursor'));
    }
    const resolved = new RegExp(
      `^/(?:datasets/)?(?:own/small|cais/mmlu)/resolve/${commit}/(.+)$`,
    ).exec(pathname);
    const path = decodeURIComponent(resolved?.[1] ?? '');
    const file = this.files.get(path);
    if (file === undefined) return refuse(response, 404, id === undefined ? 'RepoNotFound' : '');
    if (!file.isLfs) {
      const isWrong = this.troubles.isWrongSmall === true;
      return response.end(isWrong ? Buffer.from(file.content).fill(' ') : file.content);
    }
    const location = `${addressOf(this.#store)}/${encodeURIComponent(path)}`;
    return response.writeHead(302, { location }).end();
  }

  /** Two entries a page. */
  #sendTree(response: ServerResponse, cursor: string | null): unknown {
    const from = Number(cursor ?? 0);
    const entries: unknown[] = [{ type: 'directory', path: 'sub', oid: 'x', size: 0 }];
    for (const [path, { content, isLfs }] of this.files) {
      const sha1 = createHash('sha1').update(`blob ${content.length}\0`).update(content);
      const lfs = isLfs
        ? { oid: createHash('sha256').update(content).digest('hex'), size: content.length }
        : undefined;
      entries.push({ type: 'file', path, oid: sha1.digest('hex'), size: content.length, lfs });
    }
    const { strangePath } = this.troubles;
    if (strangePath !== undefined) {
      entries.push({ type: 'file', path: strangePath, oid: 'b'.repeat(40), size: 1 });
    }
    const next = from + 2;
    if (next < entries.length) {
      const url = `${this.endpoint}/api/models/own/small/tree/${commit}?recursive=true&cursor=${next}`;
      response.setHeader('link', `<${url}>; rel="next"`);
    }
    return sendJson(response, entries.slice(from, next));
  }

  #answerStore(request: IncomingMessage, response: ServerResponse): unknown {
    this.#note('store', request);
    const { troubles } = this;
    if (this.#turnsAway('store', response)) return undefined;
    const file = this.files.get(decodeURIComponent((request.url ?? '/').slice(1)));
    if (file === undefined) return refuse(response, 404, '');
    if (troubles.stalls === true) {
      response.writeHead(200, { 'content-length': file.content.length });
      return response.write(file.content.subarray(0, 10));
    }
    const content =
      troubles.isWrong === true ? Buffer.from(file.content).fill(7, 5, 6) : file.content;
    const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
    const from = asked === undefined || troubles.ignoresRange === true ? 0 : Number(asked);
    const headers = { 'content-length': content.length - from };
    const range = { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` };
    if (from > 0) response.writeHead(206, { ...headers, ...range });
    else response.writeHead(200, headers);
    if (troubles.breakAfter !== undefined && (troubles.times ?? 0) > 0) {
      troubles.times = troubles.times! - 1;
      return response.write(content.subarray(from, from + troubles.breakAfter), () => {
        // What was written shall arrive before the end does.
        setTimeout(() => response.destroy(), 20);
      });
    }
    return response.end(content.subarray(from));
  }

  #turnsAway(host: 'hub' | 'store', response: ServerResponse): boolean {
    const { refusal, times = 0 } = this.troubles;
    if (refusal === undefined || times === 0) return false;
    if ((refusal.ofStore === true) !== (host === 'store')) return false;
    this.troubles.times = times - 1;
    if (refusal.retryAfter !== undefined) response.setHeader('retry-after', refusal.retryAfter);
    refuse(response, refusal.status, '');
    return true;
  }

  #note(host: 'hub' | 'store', { url, headers }: IncomingMessage): void {
    const { range, authorization } = headers;
    this.asked.push({ host, url: url ?? '', range, authorization });
  }
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function sendJson(response: ServerResponse, body: unknown): unknown {
  response.setHeader('content-type', 'application/json');
  return response.end(JSON.stringify(body));
}

function refuse(response: ServerResponse, status: number, code: string): unknown {
  response.writeHead(status, {
    'x-error-code': code,
    'x-error-message': `${code || 'nothing'} here`,
  });
  return response.end();
}
