import { afterAll, beforeAll, expect, it } from 'vitest';
import { BlockListReplica } from '../../src/blocklist/replica.ts';
import { listChecks } from '../../src/cli/doctor-checks.ts';
import { type Counters, openCounters } from '../../src/cli/engines.ts';
import { panicCommand } from '../../src/cli/panic-command.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLogger } from '../../src/logger.ts';
import { runCommand } from '../support/command-run.ts';
import { describeWith, freshName } from '../support/engines.ts';

const note = ['--note', 'incident 4711', '--actor', 'anna'];

describeWith('redis', 'tidegate panic', (url) => {
  const namespace = freshName('panic');
  let counters: Counters;
  let replica: BlockListReplica;

  const panic = (...args: string[]) =>
    runCommand(panicCommand, [...args, '--redis-url', url, '--namespace', namespace, '--log-level', 'silent']);

  beforeAll(async () => {
    const options = { redisUrl: url, namespace, clock: systemClock, logger: silentLogger, time: 'wall' } as const;
    counters = await openCounters(options);
    replica = new BlockListReplica({ feed: counters.blockList });
    await replica.sync();
  });
  afterAll(() => counters.close());

  it('on: switches off in every gate that follows, for an hour where nothing is said, and says how many gates live', async () => {
    const member = await counters.join({ gateId: 'gate-1', policyVersion: () => 'v' });
    const { exitCode, stdout, stderr } = await panic('on', '--what', 'blocks', ...note);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^blocks are switched OFF everywhere until .* \(in (?:1 h|59 min)\): nobody is refused/);
    expect(stderr).toContain('1 live gate: in force in every one that reaches Redis, nothing more to wait for.');
    await replica.sync();
    expect(replica.isOff('blocks', systemClock.nowMs())).toBe(true);
    expect(replica.isOff('blocks', systemClock.nowMs() + 2 * 3_600_000)).toBe(false);
    expect(replica.isOff('limits', systemClock.nowMs())).toBe(false);
    await member.stop();
  });

  it('status: says what is off, until when, by whom and why, and the doctor warns of it', async () => {
    const { stdout } = await panic('status');
    expect(stdout).toMatch(/^blocks +OFF +until .*, by anna: incident 4711\nlimits +on\n0 live gates\n$/);
    const checks = listChecks(await counters.blockList.switches(), [], systemClock.nowMs());
    expect(checks[0]).toMatchObject({ state: 'warn', message: expect.stringMatching(/^blocks are OFF until .* anna/) });
  });

  it('off: switches on again, and what it ends is in the change log with who and why', async () => {
    const { stdout, stderr } = await panic('off', ...note);
    expect(stdout).toMatch(/^blocks +on\nlimits +on\n$/);
    expect(stderr).toContain('No gate is alive');
    await replica.sync();
    expect(replica.isOff('blocks', systemClock.nowMs())).toBe(false);
    const logged = await counters.blockList.loggedAfter(null, 100);
    const told = logged.kind === 'changes' ? logged.changes.map(({ block }) => `${block.actor}: ${block.reason}`) : [];
    expect(told.slice(-2)).toEqual(['anna: blocks off: incident 4711', 'anna: blocks on: incident 4711']);
    expect((await panic('off', ...note)).stderr).toContain('Nothing was switched off.');
  });

  it.each([
    [['on', ...note], /--what is missing/],
    [['on', '--what', 'blocks'], /--note is missing/],
    [['on', '--what', 'blocks', '--for', '25h', ...note], /must end within 24 hours/],
    [['on', '--what', 'everything', ...note], /blocks, limits/],
  ])('%j is refused, and nothing is switched off', async (args, message) => {
    const { exitCode, stderr } = await panic(...args);
    expect(stderr).toMatch(message);
    expect(exitCode).toBe(2);
    expect(await counters.blockList.switches()).toEqual({ blocks: null, limits: null });
  });
});
