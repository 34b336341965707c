// How do the programs behind `npm run bench:*` start and end? `--help`, an option that
// is not there and what stands in the way are lines, not stacks; what is measured is each program's own business.

import { resolve } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { BenchError, InputError } from './errors.js';
import { type ExitCode, exitCodes } from './exit-codes.js';
import { checkOutputFile } from './output-file.js';

type Options = NonNullable<ParseArgsConfig['options']>;
type Values<T extends Options> = ReturnType<typeof parseArgs<{ options: T }>>['values'];

export interface BenchProgram<T extends Options> {
  /** As npm knows it: "bench:cpu". */
  readonly name: string;
  /** What may stand behind `npm run <name> --`. */
  readonly usage: string;
  readonly options: T;
  /** @throws InputError when a value is not allowed or something the measurement needs is missing. */
  run(values: Values<T>): Promise<void>;
}

/** The exit status; a bug is still thrown. */
export async function runBenchProgram<const T extends Options>(
  program: BenchProgram<T>,
  args: readonly string[],
): Promise<ExitCode> {
  const usage = `usage: npm run ${program.name} -- ${program.usage}\n`;
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usage);
    return exitCodes.ok;
  }
  try {
    const values = readValues(program.options, args);
    const { json } = values as { readonly json?: unknown };
    if (typeof json === 'string') checkOutputFile(resolve(json), '--json');
    await program.run(values);
    return exitCodes.ok;
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    for (const line of error.message.split('\n')) {
      process.stderr.write(`${program.name}: ${line}\n`);
    }
    if (error instanceof InputError) process.stderr.write(usage);
    return error.exitCode;
  }
}

function readValues<T extends Options>(options: T, args: readonly string[]): Values<T> {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    const { code, message } = error as { readonly code?: unknown; readonly message: string };
    if (!String(code).startsWith('ERR_PARSE_ARGS')) throw error;
    // Node's message goes on with how positional arguments are written, of which there are none.
    const [fault = message] = message.split(/\. (?=To|This)|\n/);
    throw new InputError([{ where: 'arguments', message: fault }]);
  }
}
