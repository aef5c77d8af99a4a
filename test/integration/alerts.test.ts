import { afterAll, beforeAll, expect, it } from 'vitest';
import { AlertmanagerClient } from '../../src/alert/alertmanager.ts';
import { Deliverer } from '../../src/alert/deliverer.ts';
import { secretFrom } from '../../src/alert/endpoint.ts';
import { Evaluator } from '../../src/alert/evaluator.ts';
import { createPost } from '../../src/alert/post.ts';
import { Channels } from '../../src/alert/teller.ts';
import { readAlertmanagers } from '../../src/cli/alertmanagers.ts';
import { readAlertsFile } from '../../src/cli/alerts-file.ts';
import { type Counters, openCounters } from '../../src/cli/engines.ts';
import { ClickHouseAlertReadings } from '../../src/clickhouse/alert-readings.ts';
import { questionSettings } from '../../src/clickhouse/bounded-questions.ts';
import { migrate } from '../../src/clickhouse/migrate.ts';
import { ManualClock, systemClock } from '../../src/clock.ts';
import { type ChdbEngine, openChdb } from '../../src/embedded/chdb.ts';
import { silentLogger } from '../../src/logger.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

const minuteMs = 60_000;
const startMs = Date.UTC(2026, 2, 3, 10);
const quietMinutes = 150;
const spikeMinutes = 4;

/** Hours of two tenants of which one in fifty is denied; then one client of one of them is loud, for four minutes. */
const decisions = (): Buffer => {
  const lines: string[] = [];
  const put = (minute: number, fields: object): void => {
    const common = {
      emitter: 'gate',
      partition: 0,
      region: 'eu',
      client_kind: 'ip',
      policy: 'p',
      route: 'GET /orders',
    };
    const time = startMs + minute * minuteMs + (lines.length % 50_000);
    lines.push(JSON.stringify({ ...common, seq: lines.length + 1, time, tenant: 'acme', cost: 1, ...fields }));
  };
  for (let minute = 0; minute < quietMinutes + 20; minute += 1) {
    put(minute, { tenant: 'umbrella', outcome: 'allowed', client: 'all', count: 40_000 + (minute % 7) });
    for (let client = 0; client < 40; client += 1) {
      put(minute, { tenant: 'umbrella', outcome: 'denied', client: `u${client}`, count: 20 });
    }
    const isSpike = minute >= quietMinutes && minute < quietMinutes + spikeMinutes;
    put(minute, { outcome: 'allowed', client: 'all', count: 400 + (minute % 7) });
    for (let client = 0; client < 4; client += 1) {
      put(minute, { outcome: 'denied', client: `c${client}`, count: 2 + ((minute + client) % 2) });
    }
    if (!isSpike) continue;
    put(minute, { outcome: 'denied', client: 'loud', count: 500 });
    for (let client = 0; client < 40; client += 1) put(minute, { outcome: 'denied', client: `d${client}`, count: 5 });
  }
  return Buffer.from(lines.map((line) => `${line}\n`).join(''));
};

describeWith('redis', 'alerts over Redis', (redisUrl) => {
  describeWith('chdb', 'and stored decisions', (databaseUrl) => {
    let engine: ChdbEngine;
    let counters: Counters;
    let receiver: WebhookReceiver;
    const namespace = freshName('alerts');

    beforeAll(async () => {
      const folder = databaseUrl.slice('chdb:'.length);
      engine = await openChdb({ folder, questionSettings: questionSettings() });
      const options = { rawTtlDays: 0, minuteTtlDays: 0, denialsTtlDays: 0, dedupWindow: 100 };
      await migrate({ engine, options, logger: silentLogger });
      await engine.insert({ table: 'decisions_raw', rows: [decisions()], settings: {} });
      counters = await openCounters({ redisUrl, namespace, clock: systemClock, logger: silentLogger, time: 'wall' });
      receiver = await startWebhookReceiver();
    });
    afterAll(async () => {
      await Promise.all([engine?.close(), counters?.close(), receiver?.close()]);
    });

    it('tell a spike of denials once, with what brings it about, and that it is over, through two processes', async () => {
      const clock = new ManualClock(startMs + (quietMinutes - 1) * minuteMs);
      const post = createPost({ clock: systemClock });
      const { rules, mutes } = readAlertsFile(null);
      // Over at once, so that the database is asked four times alone.
      const spike = rules.filter(({ id }) => id === 'throttle-spike');
      const definitions = spike.map((rule) => ({ ...rule, keepFiringMs: 0 }));
      const links = { grafanaUrl: 'https://grafana.example.com', docsUrl: null };
      const [target] = readAlertmanagers({
        alertmanagerUrls: [receiver.url.replace('//', '//ann:p%40ss@')],
        alertmanagerToken: null,
        alertmanagerTokenFile: null,
      });
      if (target === undefined) throw new Error('no Alertmanager');
      const readings = new ClickHouseAlertReadings({ engine });
      const processOf = (holder: string): Evaluator => {
        const shared = { clock, logger: silentLogger, post, target, generatorUrl: null, externalLabels: {} };
        const alertmanagers = [new AlertmanagerClient(shared)];
        const teller = new Channels({
          ...{ rules, mutes, links, alertmanagers, logger: silentLogger },
          outbox: counters.outbox,
        });
        const window = { samples: () => [], newestAtMs: () => null };
        const parts = { definitions, freshness: new Set<string>(), store: counters.alerts, teller, holder };
        return new Evaluator({ ...parts, decisions: readings, window, clock });
      };
      const endpoint = {
        ...{
          name: 'oncall',
          url: new URL(`${receiver.url}/hook`),
          events: ['alert.firing', 'alert.resolved'] as const,
        },
        secrets: [secretFrom(`whsec_${Buffer.alloc(32, 7).toString('base64')}`) ?? Buffer.alloc(0)],
        ...{ tenants: ['acme'], allowPrivate: true },
      };
      const deliverer = new Deliverer({
        ...{ outbox: counters.outbox, endpoints: [endpoint], post, clock, random: () => 0.5 },
        ...{ holder: 'd', look: async () => undefined },
      });
      let [leader, other] = [processOf('a'), processOf('b')];
      for (const minute of [-1, 3, 4, 15]) {
        clock.setMs(startMs + (quietMinutes + minute) * minuteMs);
        await leader.turn();
        await other.turn();
        if (minute !== 3) continue;
        // The process that evaluates is stopped in the middle of it.
        await leader.stop();
        [leader, other] = [other, processOf('c')];
      }
      await deliverer.turn();
      await deliverer.idle();
      const hooks = receiver.received.filter(({ path }) => path === '/hook').map(({ body }) => JSON.parse(body));
      const ofTenant = hooks.filter(({ data }) => data.labels.dimension === 'tenant');
      expect(ofTenant.map(({ type }) => type)).toEqual(['alert.firing', 'alert.resolved']);
      expect(ofTenant[0].data).toMatchObject({
        alert: 'throttle-spike',
        tenant: 'acme',
        cause: 'one-client',
        numbers: { topClientShare: expect.any(Number), denied: expect.any(Number) },
        runbook: 'docs/runbooks/throttle-spike.md',
      });
      const told = receiver.received.filter(({ path }) => path === '/api/v2/alerts');
      expect(told[0]?.headers['authorization']).toBe(`Basic ${Buffer.from('ann:p@ss').toString('base64')}`);
      const alerts = told.flatMap(({ body }) => JSON.parse(body)).filter(({ labels }) => labels.dimension === 'tenant');
      expect(new Set(alerts.map(({ startsAt }) => startsAt)).size).toBe(1);
      expect(alerts[0]).toMatchObject({
        labels: { alertname: 'TidegateThrottleSpike', severity: 'page', name: 'acme' },
        annotations: { summary: expect.stringContaining('acme'), cause: expect.stringContaining('one client') },
      });
      expect(Date.parse(alerts.at(-1).endsAt)).toBeLessThanOrEqual(clock.nowMs());
    });
  });
});
