import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import type { TidegateError } from '../../../src/errors.ts';
import type { PolicySet, PolicySource } from '../../../src/policy/policy.ts';
import { watchPolicyFile } from '../../../src/policy/policy-file.ts';
import { recordingLogger } from '../../support/recording-logger.ts';

const text = (limit: number): string => `version: 1\npolicies: [{name: a, limit: ${limit}, window: 1m}]`;

describe('a watched policy file', () => {
  let folder: string;
  let path: string;
  let clock: ManualClock;
  let source: PolicySource | undefined;
  const refusals: TidegateError[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-policies-'));
    path = join(folder, 'policies.yaml');
    clock = new ManualClock();
    refusals.length = 0;
    writeFileSync(path, text(1));
  });
  afterEach(() => {
    source?.close();
    rmSync(folder, { recursive: true });
  });

  const open = async (): Promise<PolicySource> => {
    source = await watchPolicyFile({ path, clock, onRefused: (error) => refusals.push(error) });
    return source;
  };
  const later = <T>(look: () => T): T => {
    clock.advance(2000);
    return look();
  };
  const nextChange = (from: PolicySource): Promise<PolicySet> => new Promise((resolve) => from.onChange(resolve));
  const limitOf = (set: PolicySet): number | undefined => set.policies[0]?.limit;

  it('is live after a change, also when the file is replaced as editors do', async () => {
    const watched = await open();
    writeFileSync(path, text(2));
    const changed = nextChange(watched);
    clock.advance(2000);
    expect(limitOf(await changed)).toBe(2);
    writeFileSync(`${path}.new`, text(3));
    renameSync(`${path}.new`, path);
    const replaced = nextChange(watched);
    await expect.poll(() => later(() => limitOf(watched.current()))).toBe(3);
    expect(limitOf(await replaced)).toBe(3);
  });

  it('tells the process what is refused where nobody gave a logger', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
    await open();
    writeFileSync(path, 'version: 1\npolicies: [{name: b, limit: 0, window: 1s}]');
    await expect
      .poll(() => later(() => warned.mock.calls))
      .toEqual([[expect.stringContaining('policies[0].limit'), { type: 'TidegateWarning' }]]);
    warned.mockRestore();
  });

  it('stays with the last good version and names every problem once when a change is bad', async () => {
    const watched = await open();
    const { version } = watched.current();
    writeFileSync(path, 'version: 1\npolicies: [{name: B, limit: 0, window: never}]');
    await expect.poll(() => later(() => refusals.length)).toBe(1);
    for (let look = 0; look < 5; look += 1) {
      clock.advance(2000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(refusals).toHaveLength(1);
    expect(refusals[0]?.problems.map((problem) => problem.path).sort()).toEqual([
      'policies[0].limit',
      'policies[0].name',
      'policies[0].window',
    ]);
    expect(watched.current().version).toBe(version);
  });

  it('names what is hardly meant at the start and after each change, and is live all the same', async () => {
    const logger = recordingLogger();
    const twice = (limit: number): string =>
      `version: 1\npolicies: [{name: a, limit: ${limit}, window: 1m}, {name: b, limit: ${limit}, window: 1m}]`;
    const warned = () => logger.lines.filter(({ level }) => level === 'warn');
    writeFileSync(path, twice(1));
    source = await watchPolicyFile({ path, clock, logger });
    expect(warned().map(({ message }) => message)).toEqual([
      expect.stringContaining('policies[1] can never decide: a'),
    ]);
    writeFileSync(path, twice(2));
    await expect.poll(() => later(() => limitOf(source?.current() as PolicySet))).toBe(2);
    expect(warned()).toHaveLength(2);
  });

  it('is refused at the start when it is missing or bad', async () => {
    await expect(watchPolicyFile({ path: join(folder, 'none.yaml'), clock })).rejects.toMatchObject({
      code: 'POLICY_INVALID',
    });
    writeFileSync(path, 'version: 2');
    await expect(watchPolicyFile({ path, clock })).rejects.toMatchObject({ code: 'POLICY_INVALID' });
  });
});
