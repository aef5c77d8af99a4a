import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Counters, openCounters } from '../../src/cli/engines.ts';
import { rulesCommand } from '../../src/cli/rules/rules-command.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLogger } from '../../src/logger.ts';
import { runCommand } from '../support/command-run.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { budget, promotionOf } from '../support/promotions.ts';

const note = ['--note', 'bad deploy', '--actor', 'anna'];

const goodRules = `version: 1
rules:
  - name: many-routes
    mode: enforce
    owner: security
    reviewBy: 2099-01-01
    breadth: { distinctRoutes: 5 }
    windows: { length: 10s, hit: 3, of: 10 }
    shared: { identities: 3, then: suppress }
    block: { base: 15m }
`;

let folder: string;
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidegate-rules-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const rules = (...args: string[]) => runCommand(rulesCommand, args);

describe('tidegate rules check', () => {
  it('ends with 0 for a good file and for the shipped one, and says how many rules of which mode there are', async () => {
    const { exitCode, stdout } = await rules('check', file('good.yaml', goodRules));
    expect(stdout).toMatch(/good\.yaml: 1 rule \(1 enforce\), version [0-9a-f]{12}, 0 warnings\n$/);
    expect(exitCode).toBe(0);
    expect((await rules('check')).exitCode).toBe(0);
  });

  it('says each warning with its path, which fails with --strict alone', async () => {
    const path = file('doubtful.yaml', goodRules.replace('    owner: security\n', ''));
    const { exitCode, stdout } = await rules('check', path);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^warning {2}rules\[0\]\.owner {2}is missing/);
    expect(await rules('check', path, '--strict')).toMatchObject({ exitCode: 1, stdout });
    const { stdout: line } = await rules('check', path, '--json');
    expect(JSON.parse(line)).toMatchObject({
      ok: true,
      rules: [{ name: 'many-routes', mode: 'enforce' }],
      warnings: [{}],
    });
  });

  it('says each problem with its path and ends with 1, and with 2 where there is no file', async () => {
    const path = file('bad.yaml', goodRules.replace('distinctRoutes: 5', 'distinctRoutes: 0').replace('15m', 'never'));
    const { exitCode, stdout } = await rules('check', path);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^problem {2}rules\[0\]\.breadth\.distinctRoutes/m);
    expect(stdout).toMatch(/^problem {2}rules\[0\]\.block\.base/m);
    expect(await rules('check', join(folder, 'none.yaml'))).toMatchObject({ exitCode: 2, stdout: '' });
  });
});

describeWith('redis', 'tidegate rules', (url) => {
  const namespace = freshName('rules');
  let counters: Counters;
  let given: string[];

  const steer = (...args: string[]) => {
    const file = args[0] === 'reset' ? [] : given;
    return rules(...args, '--redis-url', url, '--namespace', namespace, '--log-level', 'silent', ...file);
  };
  const status = async () => JSON.parse((await steer('status', '--json')).stdout);
  const promote = async (id: string, rule: string, blocksPerHour = 100) => {
    const verdict = { id: freshName('v'), atMs: systemClock.nowMs(), subject: { kind: 'key', id }, rule } as const;
    const of = { ...budget, blocksPerHour };
    const result = await counters.blockList.promote(promotionOf(verdict, { budget: { rule: of, all: budget } }));
    if (!('block' in result)) throw new Error(`not promoted: ${result.kind}`);
    return result.block;
  };

  beforeAll(async () => {
    given = ['--rules', file('rules.yaml', goodRules)];
    const options = { redisUrl: url, namespace, clock: systemClock, logger: silentLogger, time: 'wall' } as const;
    counters = await openCounters(options);
  });
  afterAll(() => counters.close());

  it('override: caps the mode of a rule from the next verdict on, until it is ended', async () => {
    const capped = await steer('override', 'many-routes', '--mode', 'shadow', '--for', '1h', ...note);
    expect(capped.stdout).toMatch(/^many-routes does at most shadow in every detector until /);
    expect((await promote('a', 'many-routes')).state).toBe('shadow');
    expect((await status()).rules[0]).toMatchObject({
      mode: { file: 'enforce', inForce: 'shadow' },
      override: { mode: 'shadow', actor: 'anna', note: 'bad deploy' },
    });
    expect((await steer('status')).stdout).toMatch(
      /many-routes .*shadow \(file enforce, at most shadow, ends in .* by anna: bad deploy\)/,
    );
    expect((await steer('override', 'many-routes', '--end', ...note)).exitCode).toBe(0);
    expect((await promote('b', 'many-routes')).state).toBe('active');
    expect(await steer('override', 'many-routes', '--end', ...note)).toMatchObject({ exitCode: 1 });
  });

  it('override: says when the file of this machine has no such rule, and refuses what says nothing', async () => {
    const unknown = await steer('override', 'mistyped', '--mode', 'off', '--for', '1h', ...note);
    expect(unknown.stderr).toMatch(/has no rule mistyped \(it has many-routes\)/);
    expect((await steer('override', 'many-routes', '--for', '1h', ...note)).exitCode).toBe(2);
    expect((await steer('override', 'many-routes', '--mode', 'off', ...note)).stderr).toContain('An end is missing');
  });

  it('reset: a rule over its budget only proposes until a person resets it', async () => {
    for (const id of ['c', 'd']) await promote(id, 'tight', 2);
    expect((await promote('e', 'tight', 2)).state).toBe('proposed');
    expect((await steer('status')).stdout).toMatch(/^tight +2 blocks.*OPEN since/m);
    expect(await steer('reset', 'tight', ...note)).toMatchObject({ stdout: expect.stringContaining('half-open') });
    expect(await steer('reset', 'tight', ...note)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('is not open'),
    });
  });

  it('status: tells how often people found a rule right, goodwill aside', async () => {
    const act = { actor: 'anna', note: '' };
    const judged = await Promise.all(['f', 'g', 'h', 'i'].map((id) => promote(id, 'judged')));
    const [right = '', wrong = '', kind = ''] = judged.map(({ id }) => id);
    await counters.blockList.transition(right, { ...act, kind: 'confirm' });
    await counters.blockList.transition(wrong, { ...act, kind: 'lift', reason: 'false-positive' });
    await counters.blockList.transition(kind, { ...act, kind: 'lift', reason: 'goodwill' });
    const rule = (await status()).rules.find((one: { rule: string }) => one.rule === 'judged');
    expect(rule).toMatchObject({
      judged: { confirmed: 1, falsePositives: 1, goodwill: 1, unjudged: 1 },
      precision: { share: 0.5 },
    });
  });
});

describe('tidegate rules test', () => {
  const scenario = (name: string, expected: object): string => {
    const at = join(folder, 'scenarios', name);
    mkdirSync(at, { recursive: true });
    writeFileSync(
      join(at, 'traffic.yaml'),
      'version: 1\nactors: [{name: steady, address: 203.0.113.6, requests: [GET /], every: 2s, until: 10s}]',
    );
    writeFileSync(join(at, 'expected.json'), JSON.stringify({ about: 'a test', starts: ['0s'], ...expected }));
    return at;
  };

  it('plays the scenarios of a folder, and names what is not as expected', async () => {
    scenario('good', { blocks: [] });
    const good = await rules('test', join(folder, 'scenarios'));
    expect(good).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^ok .*good\n1 scenario, 0 failed\n$/) });
    scenario('wrong', { blocks: [{ subject: 'ip:203.0.113.6', rule: 'many-routes', withinMs: 5000 }] });
    const { exitCode, stdout } = await rules('test', join(folder, 'scenarios'));
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^FAIL .*wrong\n +.*ip:203\.0\.113\.6.*\n2 scenarios, 1 failed\n$/m);
    const line = JSON.parse((await rules('test', join(folder, 'scenarios'), '--json')).stdout);
    expect(line).toMatchObject({ ok: false, scenarios: [{ passed: true }, { passed: false }] });
  });

  it('says which folders hold no scenario, and ends with 2', async () => {
    const empty = mkdtempSync(join(folder, 'empty-'));
    const { exitCode, stderr } = await rules('test', empty);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('holds no scenario');
  });
});
