// What does another program print? Runs it to its end with stdout collected; stderr passes through.

import { spawn } from 'node:child_process';

/** @throws Error when it cannot be started or ends with another status than 0. */
export function collectOutput(program: string, args: readonly string[]): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const pieces: Buffer[] = [];
    child.stdout.on('data', (piece: Buffer) => pieces.push(piece));
    child.on('error', fail);
    child.on('close', (code) => {
      if (code === 0) done(Buffer.concat(pieces).toString('utf8'));
      else fail(new Error(`${program} ${args.join(' ')} ended with exit ${code}`));
    });
  });
}
