import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkCommand } from '../../../../src/cli/dashboards/check.ts';
import { pushCommand } from '../../../../src/cli/dashboards/push.ts';
import { type Clock, ManualClock } from '../../../../src/clock.ts';
import { runCommand } from '../../../support/command-run.ts';
import { FakeGrafana } from '../../../support/fake-grafana.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-push-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Waits are over at once. */
class Hurried extends ManualClock {
  readonly slept: number[] = [];
  override async sleep(ms: number): Promise<void> {
    this.slept.push(ms);
  }
}

const around = (grafana: FakeGrafana, clock: Clock, token = grafana.token) => ({
  env: { TIDEGATE_GRAFANA_TOKEN: token },
  clock,
  fetch: grafana.fetch,
});
/** Reading all rules takes a moment each time: where they do not matter they stay away. */
const pushing = (grafana: FakeGrafana, args: readonly string[], clock: Clock = new Hurried()) =>
  runCommand((host) => pushCommand(host, around(grafana, clock)), ['--url', grafana.url, '--no-rules', ...args]);
const withRules = (grafana: FakeGrafana, args: readonly string[]) =>
  runCommand((host) => pushCommand(host, around(grafana, new Hurried())), ['--url', grafana.url, ...args]);
const checking = (grafana: FakeGrafana, args: readonly string[] = []) =>
  runCommand(
    (host) => checkCommand(host, around(grafana, new Hurried())),
    ['--url', grafana.url, '--no-rules', ...args],
  );

const overview = 'tidegate-overview';
const pushed = async (): Promise<FakeGrafana> => {
  const grafana = new FakeGrafana();
  expect((await pushing(grafana, ['--yes'])).exitCode).toBe(0);
  grafana.asked.length = 0;
  return grafana;
};
/** Somebody works on a dashboard in Grafana. */
const edit = (grafana: FakeGrafana, title: string): void => {
  const stored = grafana.dashboards.get(overview);
  if (stored === undefined) throw new Error('it is not there');
  const [first, ...others] = stored.dashboard['panels'] as readonly object[];
  const panels = [{ ...first, title }, ...others];
  const version = Number(stored.dashboard['version']) + 1;
  grafana.dashboards.set(overview, { ...stored, dashboard: { ...stored.dashboard, panels, version } as never });
};

describe('tidegate dashboards push', () => {
  it('shows what it would create, and changes nothing, until it is told to', async () => {
    const grafana = new FakeGrafana();
    const { exitCode, stdout, stderr } = await pushing(grafana, []);
    expect([exitCode, grafana.writes]).toEqual([0, []]);
    expect(stdout).toMatch(/^create +folder +tidegate$/m);
    expect(stdout).toMatch(/^create +dashboard +tidegate-overview +Tidegate/m);
    expect(stderr).toContain('--yes');
  });

  it('makes the folder, then the dashboards in it, with a message for their history', async () => {
    const grafana = await pushed();
    expect([...grafana.folders]).toEqual([['tidegate', 'Tidegate']]);
    expect(grafana.dashboards.get(overview)).toMatchObject({
      folderUid: 'tidegate',
      message: expect.stringMatching(/^tidegate \d/),
    });
  });

  it('brings the alert rules of this release, too', async () => {
    const grafana = new FakeGrafana();
    expect((await withRules(grafana, ['--yes'])).exitCode).toBe(0);
    expect(grafana.rules.size).toBeGreaterThan(10);
    for (const [uid, { ruleGroup }] of grafana.rules)
      expect([uid, ruleGroup]).toEqual([expect.stringMatching(/^tidegate-/), expect.stringMatching(/^tidegate/)]);
  });

  it('writes nothing the second time, although Grafana adds fields of its own to what it keeps', async () => {
    const grafana = await pushed();
    const { exitCode, stderr } = await pushing(grafana, ['--yes']);
    expect([exitCode, grafana.writes]).toEqual([0, []]);
    expect(stderr).toContain('All of it is as this release has it');
    expect((await checking(grafana)).exitCode).toBe(0);
  });

  it('says which panel differs in what, and brings it back', async () => {
    const grafana = await pushed();
    edit(grafana, 'Somebody was here');
    const { exitCode, stdout } = await checking(grafana);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^update +dashboard +tidegate-overview/m);
    expect(stdout).toMatch(/~ panel \d+ .*: title$/m);
    await pushing(grafana, ['--yes']);
    expect((await checking(grafana)).exitCode).toBe(0);
  });

  it('leaves alone what somebody changed since it was compared, unless told to replace it', async () => {
    const race = async (args: readonly string[]) => {
      const grafana = await pushed();
      edit(grafana, 'Before');
      grafana.meanwhile = ({ method }) => {
        if (method === 'POST') edit(grafana, 'In between');
      };
      return { grafana, ended: await pushing(grafana, ['--yes', ...args]) };
    };
    const lost = await race([]);
    expect(lost.ended.exitCode).toBe(1);
    expect(lost.ended.stderr).toMatch(/Somebody changed it since it was read.*GRAFANA_REFUSED/);
    expect(JSON.stringify(lost.grafana.dashboards.get(overview))).toContain('In between');
    const won = await race(['--overwrite']);
    expect(won.ended.exitCode).toBe(0);
    expect(JSON.stringify(won.grafana.dashboards.get(overview))).not.toContain('In between');
  });

  it('asks again when Grafana is busy or away, a few times, and not without end', async () => {
    const grafana = new FakeGrafana();
    const clock = new Hurried();
    grafana.faults.set(0, new Response('{}', { status: 503 })).set(1, 'refused');
    expect((await pushing(grafana, [], clock)).exitCode).toBe(0);
    expect(clock.slept).toEqual([500, 1000]);
    const gone = new FakeGrafana();
    for (let at = 0; at < 20; at += 1) gone.faults.set(at, 'refused');
    const { exitCode, stderr } = await pushing(gone, []);
    expect([exitCode, gone.asked.length]).toEqual([1, 3]);
    expect(stderr).toMatch(/did not answer about its data sources: connect ECONNREFUSED.*GRAFANA_UNREACHABLE/);
  });

  it('does not write twice when an answer is lost: the next run finds that it was done', async () => {
    const grafana = await pushed();
    edit(grafana, 'Old');
    grafana.meanwhile = ({ method }) => {
      if (method === 'POST') grafana.faults.set(grafana.asked.length - 1, 'lost');
    };
    const { exitCode, stderr } = await pushing(grafana, ['--yes']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('whether it was done is not known');
    expect(grafana.writes).toHaveLength(1);
    grafana.meanwhile = () => undefined;
    const { stderr: after } = await pushing(grafana, ['--yes']);
    expect(after).toContain('All of it is as this release has it');
    expect(grafana.writes).toHaveLength(1);
  });

  it('keeps the token to itself, whatever goes wrong', async () => {
    const path = join(folder, 'token');
    const grafana = new FakeGrafana();
    writeFileSync(path, `${grafana.token}\n`);
    const echo = JSON.stringify({ message: `no ${grafana.token}` });
    for (const status of [301, 400, 401, 403, 404, 409, 412, 413, 500]) {
      for (let at = 0; at < 3; at += 1) grafana.faults.set(grafana.asked.length + at, new Response(echo, { status }));
      const { exitCode, stdout, stderr } = await runCommand(
        (host) => pushCommand(host, { env: {}, clock: new Hurried(), fetch: grafana.fetch }),
        ['--url', grafana.url, '--token-file', path, '--no-rules', '--yes', '--json'],
      );
      expect([status, exitCode === 0 ? stdout : stderr]).toEqual([status, expect.not.stringContaining(grafana.token)]);
      grafana.faults.clear();
    }
  });
});

describe('a Grafana that is too old for alert rules', () => {
  it('takes whatever else answers there for what it is: no shape of an answer is a crash, none reaches the terminal', async () => {
    const bodies = ['[]', '{}', '[null]', '[1]', '{"message":5,"status":{}}', '{"message":"\\u001b[2J"}', '"x"', ''];
    const grafana = await pushed();
    for (const body of bodies) {
      for (const status of [200, 400]) {
        for (const number of [0, 2, 3]) {
          grafana.faults.set(grafana.asked.length + number, new Response(body, { status }));
          const { exitCode, stdout, stderr } = await pushing(grafana, []);
          expect([body, status, number, exitCode]).toEqual([body, status, number, exitCode === 0 ? 0 : 1]);
          expect(stderr).not.toMatch(/TypeError|is not a function|not iterable|Cannot read/);
          expect(stdout + stderr).not.toContain('\u001b');
        }
      }
    }
  });

  it('shows neither its token nor what moves a cursor, when a title there has them', async () => {
    const grafana = await pushed();
    const stored = grafana.dashboards.get(overview);
    const panels = [{ id: 9001, title: `\u001b[2J ${grafana.token}` }];
    grafana.dashboards.set(overview, { ...stored, dashboard: { ...stored?.dashboard, panels } } as never);
    const { stdout, stderr } = await pushing(grafana, []);
    expect(stdout).toMatch(/- panel 9001 .*\*\*\*/);
    for (const bad of ['glsa_', '\u001b']) expect(stdout + stderr).not.toContain(bad);
  });

  it('gets dashboards alone, when that is asked for', async () => {
    const grafana = new FakeGrafana();
    grafana.version = '11.6.2';
    const refused = await withRules(grafana, ['--yes']);
    expect([refused.exitCode, refused.stderr, grafana.writes]).toEqual([
      1,
      expect.stringMatching(/is version 11\.6\.2, and alert rules need 12 or newer.*--no-rules/),
      [],
    ]);
    expect((await pushing(grafana, ['--yes'])).exitCode).toBe(0);
    expect([grafana.rules.size, grafana.dashboards.has(overview)]).toEqual([0, true]);
  });
});

const refusals: readonly (readonly [string, (grafana: FakeGrafana) => void, RegExp])[] = [
  ['a token that Grafana does not know', ({ tokens }) => void tokens.clear(), /401 .*service account.*--token-file/],
  [
    'a token without the rights',
    (grafana) => void grafana.faults.set(1, new Response('{"message":"no"}', { status: 403 })),
    /403 \(no\).*role Editor.*alert\.provisioning:write.*--no-rules/,
  ],
  ['another path', (grafana) => void grafana.faults.set(1, new Response('{}', { status: 404 })), /404.*check --url/],
  [
    'a page to sign in',
    (grafana) => void grafana.faults.set(1, new Response('<html>', { status: 200 })),
    /not Grafana's API.*--url/,
  ],
  [
    'a redirect, which no token follows',
    (grafana) =>
      void grafana.faults.set(1, new Response('', { status: 302, headers: { location: 'http://evil.test' } })),
    /302.*another address/,
  ],
  [
    'no plugin',
    (grafana) => void grafana.sources.splice(0),
    /no data source of the type grafana-clickhouse-datasource: install/,
  ],
  [
    'a data source of another uid',
    (grafana) => void grafana.sources.splice(0, 1, { uid: 'abc', name: 'CH', type: 'grafana-clickhouse-datasource' }),
    /no ClickHouse data source with uid tidegate-clickhouse\. Name one by --source-uid: abc \(CH\)/,
  ],
  [
    'a folder of that title under another uid',
    (grafana) => void grafana.folders.set('old', 'Tidegate'),
    /409.*folder tidegate.*Another of that name.*--folder/,
  ],
  ['dashboards that files provision', (grafana) => void grafana.fromFiles.add(overview), /400.*loaded from files/],
];

describe('what refuses a push', () => {
  it.each(refusals)('is said with what to do: %s', async (_, prepare, said) => {
    const grafana = new FakeGrafana();
    const { token } = grafana;
    prepare(grafana);
    const { exitCode, stderr } = await runCommand(
      (host) => pushCommand(host, around(grafana, new Hurried(), token)),
      ['--url', grafana.url, '--no-rules', '--yes'],
    );
    expect(stderr).toMatch(said);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('GRAFANA_REFUSED')]);
  });

  it.each([
    [[], {}, /Which Grafana/],
    [['--url', 'ftp://x'], {}, /no address of Grafana/],
    [['--url', 'http://x', '--token-file', join(folder, 'none')], {}, /no such file/],
    [['--url', 'http://x', '--source-uid', 'a b'], { TIDEGATE_GRAFANA_TOKEN: 'x' }, /is no uid/],
    [['--url', 'http://x'], { TIDEGATE_GRAFANA_TOKEN: 'x\ny' }, /characters that no token has/],
  ] as const)('is said before anybody is asked: %j', async (args, env, said) => {
    const fetch = () => Promise.reject(new Error('somebody was asked'));
    const { exitCode, stderr } = await runCommand(
      (host) => pushCommand(host, { env, clock: new Hurried(), fetch }),
      args,
    );
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(said)]);
  });
});
