#!/usr/bin/env node
// The command line: which command with which options. What a command does stands in commands/, what a setting may be
// in run-config.ts; every fault of a call is told before anything starts.

import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, Option } from 'commander';
import type { CheckFlags } from './commands/check.js';
import type { InspectFlags } from './commands/inspect.js';
import type { PackageFlags } from './commands/package.js';
import type { PullFlags } from './commands/pull.js';
import type { ReportFlags } from './commands/report.js';
import type { RunOptions, Streams } from './commands/run.js';
import { collectCompareOptions, compareFlags } from './compare-options.js';
import { tellError, tellUsage } from './error-report.js';
import { InputError } from './errors.js';
import { collectEvalOptions, evalFlags } from './eval-options.js';
import { exitCodes } from './exit-codes.js';
import { withInterrupt } from './interrupt.js';
import { collectLadderOptions, ladderFlags } from './ladder-options.js';
import { suggestName } from './name-suggestion.js';
import { findPackageRoot } from './package-root.js';
import { collectQuantizeOptions, quantizeFlags } from './quantize-options.js';
import { collectRunOptions, runFlags } from './run-options.js';
import { collectScoreOptions, scoreFlags } from './score-options.js';
import { divisions, submissionRounds } from './submission/benchmarks.js';
import { collectSweepOptions, sweepFlags } from './sweep-options.js';

/** Commands that are planned and refused by name. */
const laterCommands = ['serve'];

/** Runs one call of `bench` and resolves to its exit status; `argv` starts after the program's name. */
export async function main(argv: readonly string[], streams: Streams): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const program = buildProgram(argv, streams, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return tellUsage(error, argv, streams);
    return tellError(error, argv, streams);
  }
}

/** How a command's action hands back its exit status. */
type Finish = (exitCode: number) => void;

function buildProgram(argv: readonly string[], streams: Streams, finish: Finish): Command {
  const program = new Command('bench')
    .description('Measures how fast and how well a machine serves a large language model.')
    .version(findPackageRoot().version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => streams.stdout.write(text),
      writeErr: (text) => streams.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'bench: ')),
    });
  program.addHelpText('after', programHelp);
  addRun(program, argv, streams, finish);
  addDoctor(program, streams, finish);
  addQuantize(program, streams, finish);
  addInspect(program, streams, finish);
  addEval(program, argv, streams, finish);
  addScore(program, streams, finish);
  addCheck(program, streams, finish);
  addPackage(program, streams, finish);
  addPull(program, streams, finish);
  addCompare(program, streams, finish);
  addReport(program, streams, finish);
  addLadder(program, argv, streams, finish);
  addSweep(program, argv, streams, finish);
  for (const command of program.commands) {
    command.showHelpAfterError(`(bench ${command.name()} --help lists the options)`);
  }
  for (const name of laterCommands) addLater(program, name);
  return program;
}

const programHelp = `
Without a command, bench means bench run: "bench --scenario Server" is "bench run --scenario Server".
bench run --help lists its options.`;

function addRun(program: Command, argv: readonly string[], streams: Streams, finish: Finish): void {
  const run = program.command('run', { isDefault: true });
  run.description('run one configuration (the default command)').allowExcessArguments();
  for (const { flags, help, isHidden = false } of runFlags) {
    run.addOption(new Option(flags, help).hideHelp(isHidden));
  }
  run.action(async () => {
    refuseWords(run.args);
    const options: RunOptions = collectRunOptions(run.opts(), argv);
    const { runBenchmark } = await import('./commands/run.js');
    finish(await withInterrupt(streams.stderr, (s) => runBenchmark(options, streams, s)));
  });
}

function addDoctor(program: Command, streams: Streams, finish: Finish): void {
  program
    .command('doctor')
    .description('what this machine has, and what is missing')
    .addOption(new Option('--json', 'print one JSON object'))
    .action(async (options: { readonly json?: boolean }) => {
      const { runDoctor } = await import('./commands/doctor.js');
      finish(await runDoctor({ json: options.json === true }, streams));
    });
}

function addQuantize(program: Command, streams: Streams, finish: Finish): void {
  const quantize = program.command('quantize').argument('<model>', 'a name, a YAML or a folder');
  quantize.description('make the INT4 twin of a checkpoint, in GPTQ format');
  for (const { flags, help } of quantizeFlags) quantize.addOption(new Option(flags, help));
  quantize.action(async (model: string) => {
    const request = collectQuantizeOptions(model, quantize.opts());
    const { quantizeCheckpoint } = await import('./commands/quantize.js');
    finish(await withInterrupt(streams.stderr, (s) => quantizeCheckpoint(request, streams, s)));
  });
}

function addInspect(program: Command, streams: Streams, finish: Finish): void {
  program
    .command('inspect')
    .argument('<model>', 'a name, a YAML, a folder or a .gguf file')
    .description('what a checkpoint holds, what the engine makes of it, and what is doubtful')
    .addOption(new Option('--verify', 'read every weight, not only the headers'))
    .addOption(new Option('--json', 'print one JSON object, with every tensor and linear'))
    .action(async (model: string, options: InspectFlags) => {
      const { runInspect } = await import('./commands/inspect.js');
      finish(await runInspect(model, options, streams));
    });
}

function addEval(
  program: Command,
  argv: readonly string[],
  streams: Streams,
  finish: Finish,
): void {
  const evaluate = program.command('eval').argument('<model>', 'a name, a YAML or a folder');
  evaluate.description("score a model by lm-evaluation-harness's protocols, and by perplexity");
  for (const { flags, help } of evalFlags) evaluate.addOption(new Option(flags, help));
  evaluate.action(async (model: string) => {
    const request = await collectEvalOptions(model, evaluate.opts());
    const { evaluateModel } = await import('./commands/eval.js');
    const command = ['bench', ...argv];
    finish(await withInterrupt(streams.stderr, (s) => evaluateModel(request, command, streams, s)));
  });
}

function addScore(program: Command, streams: Streams, finish: Finish): void {
  const score = program.command('score').argument('<log>', 'an mlperf_log_accuracy.json');
  score.description('score an accuracy log that any harness wrote, as MLCommons does');
  for (const { flags, help } of scoreFlags) score.addOption(new Option(flags, help));
  score.action(async (log: string) => {
    const request = collectScoreOptions(log, score.opts());
    const { scoreLog } = await import('./commands/score.js');
    finish(await scoreLog(request, streams));
  });
}

function addCheck(program: Command, streams: Streams, finish: Finish): void {
  program
    .command('check')
    .argument('<folder>', 'a submission tree, one result of it, or a run of loadmark')
    .description(
      'check results by the rules of MLPerf Inference, stricter than the official checker',
    )
    .addOption(
      new Option(
        '--round <name>',
        'whose rules hold; by the seeds of the logs where it is left out',
      ).choices(submissionRounds),
    )
    .addOption(
      new Option('--benchmark <name>', 'of a single result or a run, such as llama2-70b-99'),
    )
    .addOption(new Option('--json', 'print one JSON object'))
    .action(async (folder: string, options: CheckFlags) => {
      const { runCheck } = await import('./commands/check.js');
      finish(runCheck(folder, options, streams));
    });
}

function addPackage(program: Command, streams: Streams, finish: Finish): void {
  const command = program.command('package').argument('[runs...]', 'folders that bench run wrote');
  command.description('make the tree of a submission out of runs, and check it');
  const options = [
    new Option('--division <name>', 'closed, open or network').choices(divisions),
    new Option('--submitter <name>', 'names the folder of all results'),
    new Option('--system <file>', 'JSON that describes the system; its name is the system folder'),
    new Option('--round <name>', 'whose seeds, benchmarks and limits hold').choices(
      submissionRounds,
    ),
    new Option('--out <dir>', 'where the tree goes: a new or empty folder'),
    new Option(
      '--benchmark <name>',
      "such as llama2-70b-99; the model's name where it is left out",
    ),
    new Option(
      '--measurements <file>',
      'JSON laid over the measurements of the --system file and of the runs',
    ),
    new Option('--print-system-template', 'print a --system file of this machine to fill in'),
    new Option('--json', 'print one JSON object'),
  ];
  for (const option of options) command.addOption(option);
  command.addHelpText('after', packageHelp);
  command.action(async (runs: string[], flags: PackageFlags) => {
    const { runPackage } = await import('./commands/package.js');
    finish(await runPackage(runs, flags, streams));
  });
}

const packageHelp = `
A result needs a performance pass and an accuracy pass (one run of --mode submission has both); the closed division
also a run with --audit TEST06. A Server run under the limits of Interactive becomes an Interactive result.

  bench package --print-system-template > box.json
  bench package results/a results/b --division open --submitter Me --system box.json --round v6.0 --out tree`;

function addPull(program: Command, streams: Streams, finish: Finish): void {
  const command = program
    .command('pull')
    .argument('<name>', 'OWNER/NAME, datasets/OWNER/NAME, or the name of a task of bench eval');
  command.description('fetch a model or a dataset from a hub into the cache folder, checked');
  const options = [
    new Option('--revision <name>', 'a branch, a tag or a commit (main)'),
    new Option('--include <glob...>', 'only these files, such as "*Q4_0.gguf"'),
    new Option('--exclude <glob...>', 'all but these files'),
    new Option('--json', 'print one JSON object'),
    new Option('--quiet', 'no progress'),
  ];
  for (const option of options) command.addOption(option);
  command.addHelpText('after', pullHelp);
  command.action(async (name: string, flags: PullFlags) => {
    const { pull } = await import('./commands/pull.js');
    finish(await withInterrupt(streams.stderr, (s) => pull(name, flags, streams, s)));
  });
}

const pullHelp = `
HF_ENDPOINT names another hub (https://huggingface.co), HF_TOKEN a token for what is not public. Files lie in
$LOADMARK_CACHE, else $XDG_CACHE_HOME/loadmark, else ~/.cache/loadmark: models/OWNER/NAME, datasets/OWNER/NAME. A call
that broke off is gone on with. open-orca and cnn-dailymail are MLCommons': the command says where they come from.

  bench pull HuggingFaceTB/SmolLM2-135M-Instruct && bench --model HuggingFaceTB/SmolLM2-135M-Instruct
  bench pull mmlu && bench eval MODEL --tasks mmlu      # hellaswag, winogrande, ceval, gsm8k and wikitext likewise
  bench pull datasets/cais/mmlu --include "all/validation-*"`;

function addCompare(program: Command, streams: Streams, finish: Finish): void {
  const command = program.command('compare').argument('[runs...]', 'the baseline first');
  command.description('how much faster is it, and does it still answer as well?');
  const claims: string[] = [];
  for (const { flags, help } of compareFlags) {
    const option = new Option(flags, help);
    command.addOption(
      flags.startsWith('--claim') ? option.argParser((text) => claims.push(text)) : option,
    );
  }
  command.addHelpText('after', compareHelp);
  command.action(async (paths: string[]) => {
    const request = collectCompareOptions(paths, command.opts(), claims);
    const { compare } = await import('./commands/compare.js');
    finish(await compare(request, streams));
  });
}

const compareHelp = `
A run is its folder, its run.json, or a folder of runs that repeat one another. A ratio is only made of what was measured
alike; what differs is told, with the call that would make it comparable. Folders of bench eval are compared likewise.

  bench compare results/baseline/A results/optimized/B
  bench compare results/main results/branch --gate speed=-3%,rouge=-1%,ttft_p99=+5% --junit gate.xml`;

function addReport(program: Command, streams: Streams, finish: Finish): void {
  program
    .command('report')
    .argument('<runs...>', 'folders of runs, ladders, sweeps or comparisons, or their JSON files')
    .description('write the page about each anew, beside its JSON file')
    .addOption(new Option('--output <file>', 'where the page of a single run goes (*.html)'))
    .action(async (runs: string[], flags: ReportFlags) => {
      const { writeReports } = await import('./commands/report.js');
      finish(await writeReports(runs, flags, streams));
    });
}

function addLadder(
  program: Command,
  argv: readonly string[],
  streams: Streams,
  finish: Finish,
): void {
  const command = program.command('ladder').argument('<base>').argument('<optimized>');
  command.description(
    'from one configuration to another, step by step: what did each factor give?',
  );
  for (const { flags, help } of ladderFlags) command.addOption(new Option(flags, help));
  command.addHelpText('after', ladderHelp);
  command.action(async (base: string, optimized: string) => {
    const request = collectLadderOptions(base, optimized, command.opts(), argv);
    const { runLadder } = await import('./commands/ladder.js');
    finish(await withInterrupt(streams.stderr, (s) => runLadder(request, streams, s)));
  });
}

const ladderHelp = `
Two runs of configs/runs, or YAML files, of the same work. Runs are short: 200 samples where neither file says how many,
and no least duration (Offline asks each sample once); --samples and --min-duration say otherwise. The first repeat of
each rung is scored.

  bench ladder baseline optimized
  bench ladder baseline optimized --order batching,weights --repeats 10 --output results/ladder/mine`;

function addSweep(
  program: Command,
  argv: readonly string[],
  streams: Streams,
  finish: Finish,
): void {
  const command = program.command('sweep').argument('<config>', 'a run of configs/runs, or a YAML');
  command.description(
    'throughput against latency over a grid of settings, rates, or queries in flight',
  );
  for (const { flags, help } of sweepFlags) command.addOption(new Option(flags, help));
  command.addHelpText('after', sweepHelp);
  command.action(async (config: string) => {
    const request = collectSweepOptions(config, command.opts(), argv);
    const { runSweep } = await import('./commands/sweep.js');
    finish(await withInterrupt(streams.stderr, (s) => runSweep(request, streams, s)));
  });
}

const sweepHelp = `
Every point is a run as the configuration has it; its first repeat is scored where the mode scores.

  bench sweep optimized --vary max-batch=1,8,64 --vary kv-cache=fp16,fp32 --mode performance --repeats 5
  bench sweep optimized --vary 'device=cuda:0; cuda:0,1; cuda:0,1,2,3' --mode performance
  bench sweep optimized --rates auto --slo ttft_p99=500,tpot_p99=50 --samples 200 --min-duration 10
  bench sweep optimized --concurrency 1,2,4,8,16,32,64 --slo ttft_p99=500,tpot_p99=50 --min-duration 10`;

function addLater(program: Command, name: string): void {
  program
    .command(name, { hidden: true })
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => {
      const message =
        'is not in this version, which has run, doctor, quantize, inspect, eval, score, check, package, pull, compare, report, ladder and sweep';
      throw new InputError([{ where: `bench ${name}`, message }]);
    });
}

/** `bench` runs by default, so a misspelt command arrives here as a word too many. */
function refuseWords([word]: readonly string[]): void {
  if (word === undefined) return;
  const known = [
    'run',
    'doctor',
    'quantize',
    'inspect',
    'eval',
    'score',
    'check',
    'package',
    'pull',
    'compare',
    'report',
    'ladder',
    'sweep',
  ];
  const message = `there is no command "${word}"; allowed: ${known.join(', ')}${suggestName(word, known)}`;
  throw new InputError([{ where: 'bench', message }]);
}

function isProgram(): boolean {
  const script = process.argv[1];
  try {
    return script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url);
  } catch {
    return false;
  }
}

/** A reader that has seen enough (`bench --help | head`) ends what is printed, and nothing else. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

if (isProgram()) {
  outliveReaders();
  process.exitCode = await main(process.argv.slice(2), process);
  // Nothing should keep the process now; what does anyway gets two seconds.
  setTimeout(() => process.exit(), 2000).unref();
}
