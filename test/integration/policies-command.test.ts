import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { policiesCommand } from '../../src/cli/policies-command.ts';
import { runCommand } from '../support/command-run.ts';
import { runTidegate } from '../support/tidegate-process.ts';

const files = {
  good: 'version: 1\npolicies: [{name: a, limit: 60, window: 1m}]',
  doubtful: `version: 1
policies:
  - {name: usual, group: plan, limit: 60, window: 1m}
  - {name: pro, group: plan, limit: 600, window: 1m, match: {plans: [pro]}}
  - {name: old, group: plan, limit: 50, window: 1m, priority: -1}
  - {name: login, limit: 5, window: 1m, scope: [address], match: {routes: [POST /login]}}`,
  bad: 'version: 1\npolicies: [{name: a, limit: 0, window: 1m}, {name: b, limit: 1, window: never}]',
};

describe('tidegate policies', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-policies-'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `${name}.yaml`), text);
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const policies = (command: string, name: keyof typeof files, ...args: string[]) => {
    const file = join(folder, `${name}.yaml`);
    return runCommand(policiesCommand, [command, ...(command === 'check' ? [file] : ['--policies', file]), ...args]);
  };

  it('check: ends with 0 for a good file, and takes the shipped one without any', async () => {
    const { exitCode, stdout } = await policies('check', 'good');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/good\.yaml: 1 policy, version [0-9a-f]{12}, 0 warnings\n$/);
    expect((await runTidegate(['policies', 'check', '--strict'])).exitCode).toBe(0);
  });

  it('check: says each warning, which fails with --strict alone', async () => {
    const { exitCode, stdout } = await policies('check', 'doubtful');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('warning  policies[2]  can never apply: usual of group plan');
    expect(await policies('check', 'doubtful', '--strict')).toMatchObject({ exitCode: 1, stdout });
  });

  it('check: says each problem with its path and ends with 1, and with 2 where there is no file', async () => {
    const { exitCode, stdout } = await policies('check', 'bad');
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^problem {2}policies\[0\]\.limit {3}must be >= 1, is 0$/m);
    expect(stdout).toMatch(/^problem {2}policies\[1\]\.window {2}must be a duration/m);
    const missing = await runTidegate(['policies', 'check', join(folder, 'none.yaml')]);
    expect(missing).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining('there is no such file'),
    });
  });

  it('check --json: is one object in one line', async () => {
    const { stdout } = await policies('check', 'bad', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      version: null,
      problems: [{ path: 'policies[0].limit' }, { path: 'policies[1].window' }],
      warnings: [],
    });
    const doubtful = JSON.parse((await policies('check', 'doubtful', '--json')).stdout);
    expect(doubtful).toMatchObject({ ok: true, policies: 4, problems: [], warnings: [{ path: 'policies[2]' }] });
  });

  it('explain: says what applies to a request, what lost and why', async () => {
    const { exitCode, stdout } = await policies('explain', 'doubtful', 'post', '/%4Cogin', '--plan', 'pro');
    expect(exitCode).toBe(0);
    expect(stdout.split('\n')).toEqual([
      'applies  pro    600 per 1m, by client  matches, wins in group plan',
      'applies  login  5 per 1m, by address   matches',
      'loses    usual  60 per 1m, by client   matches, but pro applies in group plan: its match is more specific',
      'loses    old    50 per 1m, by client   matches, but pro applies in group plan: its priority is 0, over -1',
      '',
    ]);
  });

  it('explain: shows what does not match when asked to, and all of it to programs', async () => {
    const { stdout } = await policies('explain', 'doubtful', 'GET', '/a');
    expect(stdout).toContain('2 more do not match: see them with --all.');
    const all = await policies('explain', 'doubtful', 'GET', '/a', '--all');
    expect(all.stdout).toContain('differs  pro    600 per 1m, by client  is for the plans pro');
    const json = JSON.parse((await policies('explain', 'doubtful', 'GET', '/a', '--json')).stdout);
    expect(json.policies).toHaveLength(4);
    expect(json.policies[3]).toEqual({ policy: 'login', verdict: 'differs', reason: 'has no route for GET /a' });
  });

  it('explain: refuses what is no request, and a bad file', async () => {
    const noRequest = await policies('explain', 'good', 'GE T', 'a');
    expect(noRequest).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/METHOD: .*\n {2}PATH: must start/) });
    expect(await policies('explain', 'bad', 'GET', '/')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('policies[0].limit'),
    });
    const kind = await policies('explain', 'good', 'GET', '/', '--client-kind', 'robot');
    expect(kind).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('key, user, ip') });
  });

  it('says how it is used', async () => {
    expect(await runTidegate(['policies', 'explain', '--help'])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('--client-kind'),
    });
    expect((await runTidegate(['policies'])).exitCode).toBe(2);
  });
});
