import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { formatProgress, ProgressReporter } from '../../../harness/report/progress.js';

describe('formatProgress', () => {
  it('says how many, how fast and how long still', () => {
    expect(formatProgress('performance', { samples: 612, tokens: 31_200, total: 1000 }, 16)).toBe(
      'performance  612/1000 samples (61 %)  38.3/s  1950 tokens/s  11 s left',
    );
    expect(formatProgress('accuracy', { samples: 0, tokens: 0, total: 10 }, 0)).toBe(
      'accuracy  0/10 samples (0 %)  0.0/s',
    );
    const all = { samples: 10, tokens: 0, total: 10 };
    expect(formatProgress('accuracy', all, 2)).not.toContain('left');
  });

  it('claims no total where there is none', () => {
    const open = { samples: 1_641_519, tokens: 0, total: null };
    expect(formatProgress('performance', open, 10)).toBe(
      'performance  1641519 samples  164151.9/s',
    );
  });
});

describe('ProgressReporter', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function follow(isTTY: boolean, isQuiet: boolean): string {
    let written = '';
    const stream = {
      isTTY,
      columns: 60,
      write: (text: string) => {
        written += text;
      },
    };
    const counters = { samples: 30, tokens: 1000, total: 100 };
    const stop = new ProgressReporter(stream, isQuiet).start('accuracy', () => counters);
    vi.advanceTimersByTime(10_000);
    stop();
    vi.advanceTimersByTime(10_000);
    return written;
  }

  it('writes a plain line every few seconds where there is no terminal', () => {
    const lines = follow(false, false).split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toBe('accuracy pass: 100 samples');
    expect(lines[1]).toContain('accuracy  30/100 samples (30 %)');
    expect(lines[3]).toBe('accuracy pass: 30 answered in 10.0 s');
  });

  it('rewrites one line of its width on a terminal, and clears it at the end', () => {
    const parts = follow(true, false).split('\r\u001b[2K');
    expect(parts.length).toBe(1 + 40 + 1);
    expect(Math.max(...parts.slice(1, -1).map((part) => part.length))).toBeLessThan(60);
    expect(parts.at(-1)).toContain('30 answered');
  });

  it('is silent when asked', () => {
    expect(follow(true, true)).toBe('');
  });
});
