import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { throttlingAlerts } from '../../src/alert/catalogue/throttling.ts';
import { type BurnCounts, toldBurns } from '../../src/alert/told-once.ts';
import { ClickHouseAlertReadings } from '../../src/clickhouse/alert-readings.ts';
import { questionSettings } from '../../src/clickhouse/bounded-questions.ts';
import type { ClickHouseEngine } from '../../src/clickhouse/engine.ts';
import { migrate } from '../../src/clickhouse/migrate.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import { silentLogger } from '../../src/logger.ts';
import { alertFleet } from '../support/alert-fleet.ts';
import { type BurnCell, type BurnQuestion, burnPlay, burnRowsOf, minutesAgo } from '../support/burn-plays.ts';
import { describeWith } from '../support/engines.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const objective = 0.05;
/** A busy machine is no failure. */
const bounds = { maxSeconds: 60 };

const questions: readonly BurnQuestion[] = ['throttle-burn-fast', 'throttle-burn-slow'];
const firstMs = Date.UTC(2026, 0, 10, 12, 20);
/** Each has days of its own, so that none sees the decisions of another. */
const plays = fc.sample(burnPlay, { seed: 7, numRuns: 12 }).map((cells, index) => ({
  ...{ cells, question: questions[index % 2] ?? ('throttle-burn-fast' as const) },
  atMs: firstMs + index * 5 * dayMs,
}));
const incidentMs = firstMs + plays.length * 5 * dayMs + 5 * dayMs;

describeWith('chdb', 'burns of denials', (url) => {
  let engine: ClickHouseEngine;
  let readings: ClickHouseAlertReadings;
  let seq = 0;

  type Names = Omit<BurnCell, 'times'>;
  const linesOf = ({ tenant, route, policy, region }: Names, atMs: number, { decided, denied }: BurnCounts): string[] =>
    [
      { outcome: 'allowed', client: 'ok', count: decided - denied },
      ...Array.from({ length: 10 }, (_, client) => ({
        ...{ outcome: 'denied', client: `c${client}` },
        count: Math.floor((denied + client) / 10),
      })),
    ]
      .filter(({ count }) => count > 0)
      .map((fields) => {
        seq += 1;
        const line = { time: atMs, emitter: 'g', partition: 0, seq, cost: 1, latency_us: 1024, client_kind: 'ip' };
        return JSON.stringify({ ...line, tenant, route, policy, region, degraded: '', early: fields.count, ...fields });
      });

  const playLines = plays.flatMap(({ cells, question, atMs }) =>
    cells.flatMap(({ times, ...names }) =>
      times.flatMap((counts, index) => linesOf(names, atMs - (minutesAgo[question][index] ?? 0) * minuteMs, counts)),
    ),
  );

  /** Three days as always, then five hours in which one tenant is denied nine times of ten, then as always. */
  const acme = { tenant: 'acme', route: 'GET /a', policy: 'search', region: 'eu' };
  const others = { tenant: 'umbrella', route: 'GET /b', policy: 'orders', region: 'us' };
  const incidentLines = [
    ...Array.from({ length: 72 }, (_, hour) => incidentMs - hour * hourMs - 10 * minuteMs).flatMap((atMs) => [
      ...linesOf(acme, atMs, { decided: 60_000, denied: 600 }),
      ...linesOf(others, atMs, { decided: 6000, denied: 60 }),
    ]),
    ...Array.from({ length: 72 }, (_, index) => index).flatMap((index) => {
      const atMs = incidentMs + index * 10 * minuteMs;
      return [
        ...linesOf(acme, atMs, { decided: 10_000, denied: index < 30 ? 9000 : 100 }),
        ...linesOf(others, atMs, { decided: 1000, denied: 10 }),
      ];
    }),
  ];

  beforeAll(async () => {
    engine = await openChdb({ folder: url.slice('chdb:'.length), questionSettings: questionSettings(bounds) });
    const options = { rawTtlDays: 0, minuteTtlDays: 0, dedupWindow: 100 };
    await migrate({ engine, logger: silentLogger, options });
    const rows = [Buffer.from(`${[...playLines, ...incidentLines].join('\n')}\n`)];
    await engine.insert({ table: 'decisions_raw', rows, settings: { async_insert: 0 } });
    readings = new ClickHouseAlertReadings({ engine, bounds });
  }, 120_000);
  afterAll(() => engine.close());

  it.each(plays)('are told as the reference tells them: $question of play $atMs', async ({ cells, question, atMs }) => {
    const told = toldBurns(burnRowsOf(cells, question, objective), objective);
    const found = (await readings.read(question, atMs)).filter(({ isFiring }) => isFiring);
    const name = ({ dimension, value }: { dimension: string; value: string }): string => `${dimension} ${value}`;
    expect(found.map(({ labels }) => `${labels['dimension']} ${labels['name']}`).sort()).toEqual(
      told.map((row) => (row.dimension === 'all' ? 'all all' : name(row))).sort(),
    );
  });

  it('are asked of plays in which all decisions burn, only some do, some are told in others, and none does', () => {
    const seen = new Set(
      plays.map(({ cells, question }) => {
        const rows = burnRowsOf(cells, question, objective);
        const burning = rows.filter(({ burns }) => burns.includes(true));
        const told = toldBurns(rows, objective);
        if (burning.length === 0) return 'none';
        const all = burning.some(({ dimension }) => dimension === 'all');
        if (all) return told.some(({ dimension }) => dimension === 'all') ? 'all' : 'all, told by some';
        return told.length < burning.length ? 'some, fewer are told' : 'some';
      }),
    );
    expect([...seen].sort()).toEqual(['all', 'all, told by some', 'none', 'some, fewer are told'].sort());
  });

  it('of five hours that show in every dimension are one page, with cause and numbers, and one ticket after it', async () => {
    const definitions = throttlingAlerts.filter(({ id }) => id.startsWith('throttle-burn'));
    const fleet = alertFleet({ definitions, startMs: incidentMs });
    fleet.world.read = (question, atMs) => readings.read(question, atMs);
    const { turn } = fleet.process('one');
    for (let n = 0; n < 36; n += 1) {
      fleet.clock.advance(20 * minuteMs);
      await turn();
    }
    const told = fleet.notices.map(({ kind, data }) => ({ kind, ...(data as Readonly<Record<string, unknown>>) }));
    const labels = { dimension: 'tenant', name: 'acme' };
    expect(told).toMatchObject([
      {
        ...{ kind: 'alert.firing', alert: 'throttle-burn-fast', severity: 'page', tenant: 'acme', labels },
        ...{ cause: 'retry-storm', numbers: { clients: 10, earlyShare: 1, newPolicyVersions: 0 } },
        summary: expect.stringMatching(/^Denials of tenant acme burn their budget \d+(\.\d+)? times too fast: \d\d/),
      },
      { kind: 'alert.resolved', alert: 'throttle-burn-fast', labels },
      { kind: 'alert.firing', alert: 'throttle-burn-slow', severity: 'ticket', labels },
    ]);
    // What was not told did burn, in every dimension and by both alerts.
    const at = (hours: number) => incidentMs + hours * hourMs;
    for (const [question, hours] of [['throttle-burn-fast', 3] as const, ['throttle-burn-slow', 5] as const]) {
      const found = await readings.read(question, at(hours));
      const bound = question === 'throttle-burn-fast' ? 6 : 1;
      const burning = found.filter(({ numbers }) => (numbers['burn'] ?? 0) >= bound);
      expect(burning.map((one) => one.labels['dimension']).sort()).toEqual([
        ...['all', 'policy', 'region', 'route', 'tenant'],
      ]);
      expect(found.filter(({ isFiring }) => isFiring)).toHaveLength(1);
    }
  }, 300_000);
});
