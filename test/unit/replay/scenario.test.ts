import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Clock, ManualClock } from '../../../src/clock.ts';
import { parseRules } from '../../../src/detect/rules.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import { MemoryEventLog } from '../../../src/embedded/memory-event-log.ts';
import { parsePolicies } from '../../../src/policy/parse.ts';
import {
  runScenarioFolder,
  type ScenarioOptions,
  type ScenarioReport,
  scenarioFoldersIn,
} from '../../../src/replay/scenario.ts';
import { combinedLine } from '../../support/synthetic-log.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tidegate-scenario-'));
});
afterAll(() => rm(root, { recursive: true }));

const ruleText = (terms = 'depth: { denied: 20, deniedShare: 0.5 }'): string => `version: 1
rules:
  - name: storm
    mode: enforce
    ${terms}
    windows: { length: 10s, hit: 2, of: 5 }
    block: { base: 10m }
`;

const shared: ScenarioOptions = {
  policies: parsePolicies('{ version: 1, policies: [{ name: per-client, limit: 60, window: 1m, burst: 10 }] }'),
  rules: parseRules(ruleText()),
  open: (clock) => ({ blockList: new MemoryBlockList({ clock }), log: new MemoryEventLog({ clock }) }),
};

const play = async (name: string, files: Readonly<Record<string, string | Buffer>>): Promise<ScenarioReport> => {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true });
  for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content);
  return runScenarioFolder(folder, shared);
};

const traffic = (actors: string, more = ''): string => `version: 1\n${more}actors:\n${actors}\n`;
const stormer = '  - { address: 203.0.113.9, requests: [GET /reports], every: 100ms, until: 40s }';
const blocksStormer = { blocks: [{ subject: 'ip:203.0.113.9', rule: 'storm', withinMs: 30_000 }] };
const expected = (value: object): string => JSON.stringify(value);
const complaintsOf = ({ runs }: ScenarioReport): string[] => runs.flatMap(({ complaints }) => complaints);

describe('a scenario of traffic', () => {
  it('passes when who is expected is blocked, from every start', async () => {
    const report = await play('blocked', {
      'traffic.yaml': traffic(stormer),
      'expected.json': expected(blocksStormer),
    });
    expect(report).toMatchObject({ passed: true, problems: [] });
    expect(report.runs.length).toBeGreaterThan(3);
    for (const { got } of report.runs) {
      expect(got.decided?.blocked).toBeGreaterThan(0);
      expect(got.blocks[0]?.why).toMatch(/denied and \d+ allowed on 1 route/);
    }
  });

  it('says the same to the byte each time', async () => {
    const files = { 'traffic.yaml': traffic(stormer), 'expected.json': expected(blocksStormer) };
    expect(JSON.stringify(await play('again', files))).toBe(JSON.stringify(await play('again', files)));
  });

  it('says who is blocked that nobody expects, by which rule, when and why', async () => {
    const report = await play('unexpected', {
      'traffic.yaml': traffic(stormer),
      'expected.json': '{ "starts": ["0s"] }',
    });
    expect(report.passed).toBe(false);
    expect(complaintsOf(report)[0]).toMatch(
      /^ip:203\.0\.113\.9 is blocked by storm after .*, which nobody expects: \d+ denied .* most on GET \/reports/,
    );
  });

  it('says who should be blocked and is not, or not in time', async () => {
    const missing = { blocks: [{ subject: 'ip:192.0.2.1', rule: 'storm' }], nobodyElse: false, starts: ['0s'] };
    const late = { blocks: [{ subject: 'ip:203.0.113.9', rule: 'storm', withinMs: 1000 }], starts: ['0s'] };
    const files = { 'traffic.yaml': traffic(stormer) };
    expect(complaintsOf(await play('missing', { ...files, 'expected.json': expected(missing) }))).toEqual([
      'ip:192.0.2.1 should be blocked by storm, and is not',
    ]);
    expect(complaintsOf(await play('late', { ...files, 'expected.json': expected(late) }))[0]).toMatch(
      /, not within 1s$/,
    );
  });

  it('notices who is refused together with the one that is blocked', async () => {
    const signedIn = '  - { address: 203.0.113.9, user: alice, requests: [GET /], every: 5s, until: 40s }';
    const report = await play('collateral', {
      'traffic.yaml': traffic(`${stormer}\n${signedIn}`),
      'expected.json': expected({ ...blocksStormer, untouched: ['user:alice'], starts: ['0s'] }),
    });
    expect(complaintsOf(report)).toEqual(['a block refuses requests of user:alice, which should be untouched']);
  });

  it('takes the word of trusted proxies alone for where a request comes from', async () => {
    const forger =
      '  - { address: 203.0.113.9, forwardedFor: 192.0.2.1, requests: [GET /reports], every: 100ms, until: 40s }';
    const files = { 'traffic.yaml': traffic(forger), 'expected.json': expected(blocksStormer) };
    expect((await play('forged', files)).passed).toBe(true);
    const trusted = { ...files, 'traffic.yaml': traffic(forger, 'trustedProxies: [203.0.113.0/24]\n') };
    expect(complaintsOf(await play('believed', trusted))[0]).toBe(
      'ip:203.0.113.9 should be blocked by storm, and is not',
    );
  });

  it('lets one who honours what it is told wait, and another not', async () => {
    const actors = [false, true].map(
      (honours, index) =>
        `  - { address: 192.0.2.${index}, requests: [GET /reports], every: 100ms, until: 40s, honours: ${honours} }`,
    );
    const report = await play('honours', {
      'traffic.yaml': traffic(actors.join('\n')),
      'expected.json': expected({ blocks: [{ subject: 'ip:192.0.2.0', rule: 'storm' }], untouched: ['ip:192.0.2.1'] }),
    });
    expect(complaintsOf(report)).toEqual([]);
  });

  it('lets a batch wait once, however many of it are denied', async () => {
    const batch =
      '  - { address: 192.0.2.1, requests: [GET /reports], atOnce: 30, every: 200ms, until: 9500ms, honours: true }';
    const files = { 'traffic.yaml': traffic(batch), 'expected.json': '{ "starts": ["0s"], "nobodyElse": false }' };
    const { runs } = await play('batch', files);
    // Each of those denied is told to wait a second.
    expect(runs[0]?.got.decided?.decisions).toBe(30 * 10);
  });

  it('does not wait for ever for a detector that does not get on', async () => {
    const wallClock = new ManualClock();
    const open = (clock: Clock) => {
      const blockList = new MemoryBlockList({ clock });
      blockList.promote = () => Promise.reject(new Error('away'));
      return { blockList, log: new MemoryEventLog({ clock }) };
    };
    const folder = join(root, 'blocked');
    const played = runScenarioFolder(folder, { ...shared, open, wallClock });
    let hasEnded = false;
    const failed = expect(played)
      .rejects.toThrow(/has not got on for 60 s/)
      .finally(() => {
        hasEnded = true;
      });
    // However long the reading of the folder takes: time must not have passed before it begins to count.
    while (!hasEnded) {
      await setImmediate();
      wallClock.setMs(wallClock.nowMs() + 1000);
    }
    await failed;
  });

  it('has the store away when it says so', async () => {
    const files = { 'traffic.yaml': traffic(stormer, 'outages: [{ from: 0s, until: 40s }]\n'), 'expected.json': '{}' };
    expect(complaintsOf(await play('outage', files))).toEqual([]);
  });

  it('knows who is declared good', async () => {
    const allow = [{ subject: 'ip:203.0.113.9', kind: 'canary' }];
    const suppressed = [{ subject: 'ip:203.0.113.9', rule: 'storm', reason: 'canary' }];
    const files = { 'traffic.yaml': traffic(stormer), 'expected.json': expected({ allow, suppressed }) };
    expect(complaintsOf(await play('canary', files))).toEqual([]);
    const other = expected({ allow: [{ subject: 'ip:203.0.113.9' }], suppressed, starts: ['0s'] });
    expect(complaintsOf(await play('canary', { ...files, 'expected.json': other }))).toEqual([
      'ip:203.0.113.9 should be suppressed by storm as canary, and is storm: allow-list',
    ]);
  });
});

const line = (event: object): string => JSON.stringify(event);
const denials = (change: object = {}, fromMs = 0): string =>
  [0, 10_000, 20_000]
    .map((afterMs) => line({ time: fromMs + afterMs, client: '203.0.113.9', count: 40, ...change }))
    .join('\n');

describe('a scenario of events', () => {
  it('takes lines that say what matters, and as many decisions as they stand for', async () => {
    const files = { 'events.jsonl': `// a comment\n${denials()}\n`, 'expected.json': expected(blocksStormer) };
    const report = await play('events', files);
    expect(report).toMatchObject({ passed: true, problems: [] });
    expect(report.runs[0]?.got.decided).toBeNull();
  });

  it('takes a client as it is spelled everywhere else, kind and all', async () => {
    const files = { 'events.jsonl': denials({ client: 'ip:203.0.113.9' }), 'expected.json': expected(blocksStormer) };
    expect(await play('spelled', files)).toMatchObject({ passed: true, problems: [] });
    const signedIn = { blocks: [{ subject: 'user:ada', rule: 'storm' }] };
    const users = { 'events.jsonl': denials({ client: 'user:ada' }), 'expected.json': expected(signedIn) };
    expect(await play('spelled-user', users)).toMatchObject({ passed: true, problems: [] });
  });

  it('runs once, at its own times, where they are from the epoch', async () => {
    const files = { 'events.jsonl': denials({}, Date.UTC(2024, 1, 3)), 'expected.json': expected(blocksStormer) };
    expect((await play('absolute', files)).runs).toHaveLength(1);
  });

  it('has no evidence against what a gate has folded together, or decided without the store', async () => {
    for (const change of [{ client: '~other' }, { source: 'fallback', degraded: 'timeout' }, { scope: 'tenant' }]) {
      const files = { 'events.jsonl': denials(change), 'expected.json': '{ "starts": ["0s"] }' };
      expect(complaintsOf(await play('no-evidence', files)), JSON.stringify(change)).toEqual([]);
    }
  });

  it('names every line that is no event', async () => {
    const { problems } = await play('bad-events', {
      'events.jsonl': `${denials()}\n{\n${line({ time: 1, client: 'a', colour: 'red' })}\n${line({ time: 1, client: 'a', outcome: 'maybe' })}`,
      'expected.json': '{}',
    });
    expect(problems.map(({ path }) => path)).toEqual([
      'events.jsonl: line 4',
      'events.jsonl: line 5',
      'events.jsonl: line 6',
    ]);
    expect(problems[1]?.message).toBe('colour is not a known field');
  });
});

describe('a scenario of an access log', () => {
  it('is replayed through the limiter, gzipped or not', async () => {
    const lines = Array.from({ length: 400 }, (_, index) =>
      combinedLine({
        atMs: Date.UTC(2024, 1, 3) + Math.floor(index / 10) * 1000,
        address: '203.0.113.9',
        method: 'GET',
        path: '/reports',
      }),
    ).join('\n');
    const answers = { 'expected.json': expected(blocksStormer) };
    expect((await play('log', { ...answers, 'access.log': lines })).passed).toBe(true);
    expect((await play('log-gz', { ...answers, 'access.log.gz': gzipSync(lines) })).passed).toBe(true);
  });
});

describe('a folder with mistakes', () => {
  it('has every one of them named, by file and path, and is not run', async () => {
    const report = await play('mistakes', {
      'traffic.yaml': traffic('  - { address: 203.0.113.9, requests: [reports], every: often, until: 1s }'),
      'expected.json': '{ "blocks": [{ "subject": "somebody", "rule": "storm" }], "nobody": 1 }',
      'rules.yaml': ruleText('depth: { denied: 0, deniedShare: 2 }'),
      'policies.yaml': 'version: 2',
    });
    expect(report).toMatchObject({ passed: false, runs: [] });
    const paths = report.problems.map(({ path }) => path);
    for (const path of [
      'traffic.yaml: actors[0].every',
      'traffic.yaml: actors[0].requests[0]',
      'expected.json: nobody',
      'rules.yaml: rules[0].depth.denied',
      'policies.yaml: version',
    ]) {
      expect(paths).toContain(path);
    }
  });

  it('may not mix times from the start with times from the epoch', async () => {
    const { problems } = await play('mixed', {
      'events.jsonl': `${denials()}\n${denials({}, Date.UTC(2024, 1, 3))}`,
      'expected.json': '{}',
    });
    expect(problems).toEqual([
      { path: 'events.jsonl', message: 'mixes times from the start with times from the epoch' },
    ]);
  });

  it('needs one input and an expected.json', async () => {
    const { problems } = await play('both', { 'traffic.yaml': traffic(stormer), 'events.jsonl': '' });
    expect(problems.map(({ message }) => message)).toEqual([
      'needs exactly one of traffic.yaml, events.jsonl, access.log, access.log.gz',
      'is missing',
    ]);
  });
});

describe('scenarioFoldersIn', () => {
  it('finds scenarios at any depth, in order of name, and each once', async () => {
    const made = ['b/two', 'a/deep/one'].map((name) => join(root, 'tree', name));
    for (const folder of made) {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'expected.json'), '{}');
    }
    const tree = join(root, 'tree');
    expect(await scenarioFoldersIn([tree, join(tree, 'b')])).toEqual([made[1], made[0]]);
  });

  it('refuses a folder that holds none, or is not there', async () => {
    await mkdir(join(root, 'empty'), { recursive: true });
    await expect(scenarioFoldersIn([join(root, 'empty')])).rejects.toThrow(/holds no scenario/);
    await expect(scenarioFoldersIn([join(root, 'nowhere')])).rejects.toThrow(/nowhere cannot be read/);
    await writeFile(join(root, 'rules.yaml'), 'version: 1');
    await expect(scenarioFoldersIn([join(root, 'rules.yaml')])).rejects.toThrow(/is a file: .* with --rules$/);
  });
});
