// Calls `bench` inside the test's own process and hands back what it wrote and how it ended.

import { main } from '../../harness/cli.js';

export interface BenchCall {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function callBench(...argv: string[]): Promise<BenchCall> {
  const written = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const code = await main(argv, { stdout: stream('stdout'), stderr: stream('stderr') });
  return { code, ...written };
}
