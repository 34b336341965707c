// What does a hub say? The few requests that fetching needs, to any server that speaks as huggingface.co does: the commit
// of a revision, the files of a commit, the bytes of a file. (Source: the paths of huggingface_hub's hf_api.py.)

import { InputError } from '../errors.js';
import { BrokenConnection, HubError } from './hub-error.js';
import type { HubRepository } from './hub-name.js';
import { readRetryAfter } from './retry.js';

export const defaultEndpoint = 'https://huggingface.co';

/** A file of a commit. */
export interface HubFile {
  readonly path: string;
  readonly bytes: number;
  /** sha256 of a file in LFS, else git's sha1 of it as a blob. */
  readonly checksum: { readonly kind: 'sha256' | 'git-sha1'; readonly value: string };
}

/** The bytes of a file from an offset on. */
export interface HubBody {
  /** 0 where the server sends the whole although a part was asked for. */
  readonly offset: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

const maxPages = 1000;
const maxFiles = 100_000;
const maxRedirects = 10;

export class Hub {
  /** The token goes nowhere else: a hub sends its large files from other servers. */
  readonly #origin: string;

  /** @throws InputError for an endpoint that is no http address. */
  constructor(
    readonly endpoint: string,
    readonly token: string | null,
    readonly signal: AbortSignal,
    /** A server that says nothing for so long is given up. */
    readonly stallMs = 60_000,
  ) {
    const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
    if (url === null || !/^https?:$/.test(url.protocol)) {
      const message = `is ${JSON.stringify(endpoint)}; allowed: an http or https address, such as ${defaultEndpoint}`;
      throw new InputError([{ where: 'HF_ENDPOINT', message }]);
    }
    this.#origin = url.origin;
  }

  /** The commit that a branch or a tag stands for. */
  async findCommit(repository: HubRepository, revision: string): Promise<string> {
    const url = `${this.#api(repository)}/revision/${encodeURIComponent(revision)}`;
    const { body } = await this.#readJson(url, repository, revision);
    const sha = isObject(body) ? body.sha : undefined;
    if (typeof sha === 'string' && /^[0-9a-f]{40}$/.test(sha)) return sha;
    throw new HubError(`${url} names no commit: it says ${shorten(body)}`);
  }

  async listFiles(repository: HubRepository, commit: string): Promise<HubFile[]> {
    let url: string | null = `${this.#api(repository)}/tree/${commit}?recursive=true`;
    const files: HubFile[] = [];
    for (let page = 0; url !== null && page < maxPages; page++) {
      const asked: string = url;
      const { body, next } = await this.#readJson(asked, repository, commit);
      if (!Array.isArray(body)) throw new HubError(`${asked} lists no files: ${shorten(body)}`);
      for (const entry of body) {
        const file = readFile(entry, asked);
        if (file !== null) files.push(file);
      }
      if (files.length > maxFiles) throw new HubError(`${asked} has more than ${maxFiles} files`);
      url = next;
    }
    return files;
  }

  /** @throws BrokenConnection where another try may help. */
  async openFile(
    repository: HubRepository,
    commit: string,
    path: string,
    offset: number,
  ): Promise<HubBody> {
    const room = repository.kind === 'dataset' ? 'datasets/' : '';
    const encoded = path.split('/').map(encodeURIComponent).join('/');
    const url = `${this.#base()}/${room}${repository.id}/resolve/${commit}/${encoded}`;
    const range = offset > 0 ? { range: `bytes=${offset}-` } : {};
    const response = await this.#request(url, range, repository, path);
    if (response.body === null) throw new BrokenConnection(`${url} has no content`);
    const isPart = response.status === 206;
    const told = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
    if (isPart && Number(told) !== offset) {
      throw new HubError(`${url} sends bytes from ${told ?? 'nowhere'} on; asked were ${offset}`);
    }
    return { offset: isPart ? offset : 0, chunks: this.#watch(response.body, path) };
  }

  #base(): string {
    return this.endpoint.replace(/\/+$/, '');
  }

  #api({ kind, id }: HubRepository): string {
    return `${this.#base()}/api/${kind}s/${id}`;
  }

  async #readJson(
    url: string,
    repository: HubRepository,
    what: string,
  ): Promise<{ readonly body: unknown; readonly next: string | null }> {
    const response = await this.#request(url, {}, repository, what);
    let body: unknown;
    try {
      body = await response.json();
    } catch (error) {
      if (this.signal.aborted) throw error;
      throw new HubError(`${url} answers with something else than JSON`);
    }
    const link = /<([^>]+)>;\s*rel="?next"?/.exec(response.headers.get('link') ?? '')?.[1];
    return { body, next: link === undefined ? null : new URL(link, url).href };
  }

  /** Follows redirections itself: the token goes to the hub and nowhere else. */
  async #request(
    url: string,
    headers: Readonly<Record<string, string>>,
    repository: HubRepository,
    what: string,
  ): Promise<Response> {
    let target = new URL(url);
    for (let i = 0; i < maxRedirects; i++) {
      const isHub = target.origin === this.#origin;
      const authorization =
        isHub && this.token !== null ? { authorization: `Bearer ${this.token}` } : {};
      const response = await this.#fetch(target, { ...headers, ...authorization });
      const location = response.headers.get('location');
      if (response.status < 300 || response.status >= 400 || location === null) {
        if (response.ok) return response;
        await response.body?.cancel();
        throw this.#explain(response, target, repository, what);
      }
      await response.body?.cancel();
      target = new URL(location, target);
    }
    throw new HubError(`${url} redirects more than ${maxRedirects} times`);
  }

  async #fetch(target: URL, headers: Readonly<Record<string, string>>): Promise<Response> {
    const answered = new AbortController();
    const timer = setTimeout(() => answered.abort(), this.stallMs);
    try {
      // The deadline is for the answer's head; its body is watched chunk by chunk.
      const signal = AbortSignal.any([this.signal, answered.signal]);
      return await fetch(target, { headers, redirect: 'manual', signal });
    } catch (error) {
      if (this.signal.aborted) throw error;
      if (answered.signal.aborted) throw new BrokenConnection(`${target.host} does not answer`);
      throw new BrokenConnection(`${target.host} cannot be reached (${causeOf(error)})`);
    } finally {
      clearTimeout(timer);
    }
  }

  async *#watch(body: ReadableStream<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
    const reader = body.getReader();
    try {
      for (;;) {
        const { done, value } = await this.#inTime(reader.read(), path);
        if (done) return;
        yield value;
      }
    } finally {
      await reader.cancel().catch(() => {});
    }
  }

  async #inTime<T>(read: Promise<T>, path: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      const error = new BrokenConnection(`nothing came of ${path} for ${this.stallMs / 1000} s`);
      timer = setTimeout(() => reject(error), this.stallMs);
    });
    try {
      return await Promise.race([read, late]);
    } catch (error) {
      if (this.signal.aborted || error instanceof BrokenConnection) throw error;
      throw new BrokenConnection(`the connection broke in ${path} (${causeOf(error)})`);
    } finally {
      clearTimeout(timer);
    }
  }

  #explain(response: Response, url: URL, repository: HubRepository, what: string): Error {
    const { status, headers } = response;
    const name = `${repository.kind} ${repository.id}`;
    const code = headers.get('x-error-code') ?? '';
    const says = headers.get('x-error-message') ?? response.statusText;
    const refuse = (message: string) => new InputError([{ where: `bench pull`, message }]);
    if (status === 401 || status === 403) {
      const advice =
        this.token === null
          ? 'allowed: a name that is public, or HF_TOKEN set to a token that may read it'
          : 'allowed: a name that the token in HF_TOKEN may read; a gated one is asked for on its page';
      return refuse(`${name} is not open to read (${status} ${says}); ${advice}`);
    }
    if (status === 404) {
      if (code === 'RevisionNotFound') return refuse(`${name} has no revision "${what}"`);
      if (code === 'EntryNotFound') return refuse(`${name} has no file "${what}"`);
      return refuse(`${this.#origin} has no ${name} (404 ${says})`);
    }
    const message = `${url.origin}${url.pathname} answers ${status} ${says}`;
    const mayPass = status === 408 || status === 429 || status >= 500;
    if (!mayPass) return new HubError(message);
    return new BrokenConnection(message, readRetryAfter(headers.get('retry-after')));
  }
}

/** null for a folder. */
function readFile(entry: unknown, url: string): HubFile | null {
  if (!isObject(entry) || typeof entry.path !== 'string') {
    throw new HubError(`${url} lists ${shorten(entry)}, which is no file`);
  }
  if (entry.type === 'directory') return null;
  const lfs = isObject(entry.lfs) ? entry.lfs : null;
  const bytes = lfs?.size ?? entry.size;
  const sha256 = lfs?.oid;
  const path = entry.path;
  if (!isSafePath(path))
    throw new HubError(`${url} lists the path ${shorten(path)}, which leads out`);
  if (!Number.isSafeInteger(bytes) || (bytes as number) < 0) {
    throw new HubError(`${url} lists ${path} without a size`);
  }
  const value = lfs === null ? entry.oid : sha256;
  const digits = lfs === null ? 40 : 64;
  if (typeof value !== 'string' || !new RegExp(`^[0-9a-f]{${digits}}$`).test(value)) {
    throw new HubError(`${url} lists ${path} without a checksum`);
  }
  const kind = lfs === null ? 'git-sha1' : 'sha256';
  return { path, bytes: bytes as number, checksum: { kind, value } };
}

/** Nothing that a server says makes a file outside its folder. */
function isSafePath(path: string): boolean {
  const parts = path.split('/');
  return (
    !/[\\:]/.test(path) &&
    ![...path].some((character) => character < ' ') &&
    parts.every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') {
    return cause.code;
  }
  return cause instanceof Error ? cause.message : String(cause);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
