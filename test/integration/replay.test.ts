import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReplayReport } from '../../src/replay/report.ts';
import { describeWith, kafkaUrl } from '../support/engines.ts';
import { busySite, combinedLine, person, type SyntheticRequest, scanner, stuffer } from '../support/synthetic-log.ts';
import { runTidegate } from '../support/tidegate-process.ts';

const fromMs = Date.UTC(2014, 2, 2, 8, 0, 0);
const traffic = busySite(fromMs);

let folder = '';
let log = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-replay-'));
  log = join(folder, 'access.log.gz');
  // By visitor, not by time: sorting is the replay's business.
  await writeFile(log, gzipSync(`${[...traffic.map(combinedLine), 'no access log line'].join('\n')}\n`));
});
afterAll(() => rm(folder, { recursive: true }));

const replayed = async (args: readonly string[]): Promise<ReplayReport> => {
  const { exitCode, stdout, stderr } = await runTidegate(['replay', ...args, '--json']);
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
};

const linesOf = (address: string): SyntheticRequest[] => traffic.filter((request) => request.address === address);

/** What must be the same on every engine: all but wall time, the offsets of frames and the bytes of commands. */
const comparable = ({ timing: _, blocks, proposed, ...totals }: ReplayReport) => {
  const withoutOffsets = (list: ReplayReport['blocks']) =>
    list.map(({ evidence, saved, ...block }) => ({
      ...block,
      evidence: { ...evidence, log: null },
      // Counters in memory send no bytes.
      saved: { ...saved, bytes: 0 },
    }));
  return { ...totals, blocks: withoutOffsets(blocks), proposed: withoutOffsets(proposed) };
};

describe('a replay on embedded engines', () => {
  it('accounts for every line, stores every decision, and blocks the scanner and the stuffer alone', async () => {
    const report = await replayed([log]);
    expect(report).toMatchObject({
      lines: traffic.length + 1,
      rejectedLines: 1,
      decisions: traffic.length,
      clients: 3,
      degraded: 0,
      clickhouse: { decisions: traffic.length },
      proposed: [],
    });
    expect(report.allowed + report.denied + report.blocked).toBe(report.decisions);
    expect(report.storeCommandsSaved).toBe(report.blocked);
    const blocked = report.blocks.map(({ subject, rule }) => [subject.kind, subject.id, rule]);
    expect(blocked.sort()).toEqual([
      ['ip', scanner, 'many-routes'],
      ['ip', stuffer, 'login-stuffing'],
    ]);
    expect(report.offenders.map(({ client }) => client.id)).not.toContain(person);
  });

  it('lets a block begin right behind the instant of its evidence, and not before', async () => {
    const { blocks, offenders } = await replayed([log]);
    expect(blocks).toHaveLength(2);
    for (const { subject, blockedAt, saved } of blocks) {
      const behind = linesOf(subject.id).filter(({ atMs }) => atMs > Date.parse(blockedAt));
      expect(offenders.find((offender) => offender.client.id === subject.id)?.blocked).toBe(behind.length);
      expect(behind.length).toBeGreaterThan(0);
      expect(saved.refused).toBe(behind.length);
      expect(saved.commands).toBe(behind.length);
    }
  });

  it('gives the same report of the same log each time, but for how long it took', async () => {
    const [first, second] = [await replayed([log]), await replayed([log])].map(({ timing: _, ...report }) => report);
    expect(JSON.stringify(second)).toBe(JSON.stringify(first));
  });

  it('says it in words', async () => {
    const { exitCode, stdout } = await runTidegate(['replay', log]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`ClickHouse holds all ${traffic.length.toLocaleString('en-US')} decisions.`);
    expect(stdout).toContain(`ip ${scanner}  by many-routes`);
    expect(stdout).toContain('not in common or combined format');
  });

  it('loads a log of thirteen years without losing a line to retention', async () => {
    const yearly = Array.from({ length: 157 }, (_, month) => ({
      atMs: Date.UTC(2012, month, 3, 4, 5, 6),
      address: person,
      method: 'GET',
      path: '/',
    }));
    const file = join(folder, 'years.log');
    await writeFile(file, yearly.map(combinedLine).join('\n'));
    const report = await replayed([file]);
    expect(report).toMatchObject({ decisions: 157, allowed: 157, clickhouse: { decisions: 157 } });
    expect(report.period).toEqual({ from: '2012-01-03T04:05:06.000Z', to: '2025-01-03T04:05:06.000Z' });
  });
});

describeWith('redis', 'a replay on Redis and Kafka', (redisUrl) => {
  const kafka = kafkaUrl();

  it.skipIf(kafka === null)(
    'reports the same totals and the same blocks as on embedded engines',
    async () => {
      const [embedded, real] = await Promise.all([
        replayed([log]),
        replayed([log, '--redis-url', redisUrl, '--kafka-url', kafka ?? '']),
      ]);
      expect(comparable(real)).toEqual(comparable(embedded));
    },
    120_000,
  );

  it('leaves no key behind', async () => {
    const redis = new Redis(redisUrl);
    const before = await redis.keys('tg1:replay-*');
    await replayed([log, '--redis-url', redisUrl]);
    expect(await redis.keys('tg1:replay-*')).toEqual(before);
    redis.disconnect();
  });
});

describe('a replay of what is no access log', () => {
  const refusal = async (args: readonly string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await runTidegate(['replay', ...args]);
    expect(exitCode, stderr).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).not.toContain('    at ');
    return stderr;
  };

  it.each([
    ['an empty file', '', /is empty/],
    ['a binary file', '\u0000\u0001\u0002'.repeat(4000), /is no access log/],
  ])('refuses %s in one line', async (_what, content, message) => {
    const file = join(folder, 'bad.log');
    await writeFile(file, content);
    const stderr = await refusal([file]);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('refuses a missing file, an unknown engine and a policy file with mistakes, and names each', async () => {
    expect(await refusal([join(folder, 'missing.log')])).toMatch(/missing\.log does not exist/);
    expect(await refusal([log, '--redis-url', 'mongodb://db'])).toMatch(/mongodb:\/\/db/);
    const policies = join(folder, 'policies.yaml');
    await writeFile(
      policies,
      'version: 1\npolicies:\n  - { name: a, limit: 0, window: 1 parsec }\n  - { name: a, limit: 1, window: 1m }\n',
    );
    const stderr = await refusal([log, '--policies', policies]);
    for (const path of ['policies[0].limit', 'policies[0].window', 'policies[1].name']) expect(stderr).toContain(path);
  });
});

/** Real logs that are no part of the project: see what a fresh checkout has beside it. */
const realLogs = fileURLToPath(new URL('../../../shared/data', import.meta.url));
const hasRealLogs = existsSync(realLogs);
if (!hasRealLogs) process.stderr.write('\n!!! SKIPPING replays of real logs: no ../shared/data beside the checkout\n');

describe.skipIf(!hasRealLogs)('a replay of real logs', () => {
  it('accounts for all 21,641 lines of a server that modern scanners visit', async () => {
    const report = await replayed([join(realLogs, 'nginx-2025.log.gz')]);
    expect(report).toMatchObject({
      lines: 21_641,
      rejectedLines: 1,
      decisions: 21_640,
      clickhouse: { decisions: 21_640 },
    });
    expect(report.blocks.length).toBeGreaterThan(0);
    expect(new Set(report.blocks.map(({ rule }) => rule))).toEqual(new Set(['many-routes']));
  });

  it('blocks nobody on a site that people read', async () => {
    const report = await replayed([join(realLogs, 'apache-2015-10k.log.gz')]);
    expect(report).toMatchObject({
      lines: 10_000,
      decisions: 10_000,
      clickhouse: { decisions: 10_000 },
      blocks: [],
      proposed: [],
    });
  });
});
