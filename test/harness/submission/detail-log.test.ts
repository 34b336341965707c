import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDetailLog } from '../../../harness/submission/detail-log.js';

function line(key: string, value: string, metadata = '{"is_error": false, "is_warning": false}') {
  return `:::MLLOG {"key": "${key}", "value": ${value}, "metadata": ${metadata}}\n`;
}

describe('a detail log', () => {
  it('keeps every digit of a seed, and takes nan and inf', () => {
    const log = parseDetailLog(
      line('seed', '16159082839903944936') +
        line('rate', '-nan') +
        line('most', 'inf') +
        line('python', 'NaN') +
        line('text', '"16159082839903944936 and nan"') +
        line('set', '[1,18446744073709551615]'),
    );
    expect(log.faults).toEqual([]);
    expect(log.find('seed')?.value).toBe(16159082839903944936n);
    expect(log.number('rate')).toBeNaN();
    expect(log.find('rate')?.hasBareNumber).toBe(true);
    expect(log.number('most')).toBe(Number.POSITIVE_INFINITY);
    expect(log.number('python')).toBeNaN();
    expect(log.find('python')?.hasBareNumber).toBe(false);
    expect(log.find('text')).toMatchObject({
      value: '16159082839903944936 and nan',
      hasBareNumber: false,
    });
    expect(log.find('set')?.value).toEqual([1, 18446744073709551615n]);
  });

  it('counts the first of a repeated key, and lists all', () => {
    const log = parseDetailLog(line('a', '1') + line('a', '2'));
    expect(log.number('a')).toBe(1);
    expect(log.all('a').map((entry) => [entry.value, entry.line])).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(log.find('b')).toBeNull();
  });

  it('tells lines that are no entries, and passes over text', () => {
    const error = line('error_runtime', '"late"', '{"is_error": true, "is_warning": false}');
    const text = `${line('a', '1')}text\n:::MLLOG {"key": "b"\n:::MLLOG {"key": "c", "value": 1}\n${error}`;
    const log = parseDetailLog(`${text}:::MLLOG {"key": "d", "metadata": {"is_error": false}}\n`);
    expect(log.faults.map((fault) => fault.line)).toEqual([3, 4, 6]);
    expect(log.entries.map(({ key, isError }) => [key, isError])).toEqual([
      ['a', false],
      ['error_runtime', true],
    ]);
  });

  it('has one marker, on its first line', () => {
    expect(parseDetailLog('').faults).toHaveLength(1);
    expect(parseDetailLog(`\ufeff${line('a', '1')}`).faults).toHaveLength(1);
    const endpoints = line('b', '2').replace('MLLOG', 'ENDPTS');
    expect(parseDetailLog(endpoints).faults).toEqual([]);
    expect(parseDetailLog(line('a', '1') + endpoints).faults).toMatchObject([{ line: 2 }]);
  });

  it('reads what LoadGen itself wrote without a fault', () => {
    const runs = resolve(import.meta.dirname, '../../golden/loadgen/runs');
    const logs = readdirSync(runs)
      .map((name) => join(runs, name, 'mlperf_log_detail.txt'))
      .filter((file) => existsSync(file));
    expect(logs.length).toBeGreaterThan(20);
    for (const file of logs) {
      const log = parseDetailLog(readFileSync(file, 'utf8'));
      expect([file, log.faults]).toEqual([file, []]);
    }
  });
});
