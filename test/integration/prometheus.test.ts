import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { createPost } from '../../src/alert/post.ts';
import { systemClock } from '../../src/clock.ts';
import { RedisAlertStore } from '../../src/redis/alert-store.ts';
import { openRedis } from '../../src/redis/client.ts';
import { openRunFolder, removeFolder } from '../services/folders.ts';
import { type Monitor, startAlertmanager, startPrometheus } from '../services/prometheus.ts';
import { alertFleet, turnMs } from '../support/alert-fleet.ts';
import { definitionOf, readingOf } from '../support/alerts.ts';
import { chdbUrl, describeWith, freshName, prometheusPath, redisUrl } from '../support/engines.ts';
import { metricComplaints } from '../support/promtool.ts';
import { repositoryRoot } from '../support/source-text.ts';
import { TidegateProcess } from '../support/tidegate-process.ts';

const rulesFile = join(repositoryRoot, 'dashboards', 'prometheus', 'rules.yml');
const goodPolicies = 'version: 1\npolicies:\n  - { name: per-client, scope: [client], limit: 100, window: 1m }\n';
const badPolicies = goodPolicies.replace('100', 'many');
/** For a machine that does ten other things. */
const patience = { timeout: 40_000, interval: 250 };

interface GettableAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly generatorURL: string;
}

interface RuleGroups {
  readonly groups: readonly { readonly rules: readonly { readonly [field: string]: unknown }[] }[];
}

const ask = async <T>(url: string): Promise<T> => (await (await fetch(url)).json()) as T;

/** What an Alertmanager has of one alert that is not over. */
const alertsOf = async ({ url }: Monitor, alertname: string): Promise<readonly GettableAlert[]> =>
  (await ask<GettableAlert[]>(`${url}/api/v2/alerts?active=true`)).filter(
    ({ labels }) => labels['alertname'] === alertname,
  );

/** The shipped rules, but asked every second, and told at once: what they ask is what is tried here. */
const hastyRules = (): string => {
  const { groups } = parse(readFileSync(rulesFile, 'utf8')) as RuleGroups;
  const hasty = groups.map((group) => ({
    ...group,
    interval: '1s',
    rules: group.rules.map(({ for: _, keep_firing_for: __, ...rule }) => rule),
  }));
  return stringify({ groups: hasty });
};

describeWith('alertmanager', 'with a real Alertmanager', (alertmanagerProgram) => {
  const folder = openRunFolder('prometheus');
  let alertmanager: Monitor;
  beforeAll(async () => {
    alertmanager = await startAlertmanager({ program: alertmanagerProgram, folder: join(folder, 'alertmanager') });
  });
  afterAll(async () => {
    await alertmanager?.stop();
    removeFolder(folder);
  });

  describe.skipIf(prometheusPath() === null || chdbUrl() === null)('Prometheus beside a running tidegate', () => {
    const policies = join(folder, 'policies', 'policies.yaml');
    let tidegate: TidegateProcess;
    let prometheus: Monitor;
    let address = '';
    beforeAll(async () => {
      mkdirSync(join(folder, 'policies'));
      writeFileSync(policies, goodPolicies);
      writeFileSync(join(folder, 'rules.yml'), hastyRules());
      const args = ['up', '--port', '0', '--clickhouse-url', chdbUrl() ?? '', '--policies', policies];
      tidegate = new TidegateProcess(args, { TIDEGATE_LOG_LEVEL: 'warn' });
      address = new URL(await tidegate.url()).host;
      prometheus = await startPrometheus({
        program: prometheusPath() ?? '',
        folder: join(folder, 'prometheus'),
        targets: [address],
        alertmanagers: [new URL(alertmanager.url).host],
        rules: [join(folder, 'rules.yml')],
      });
      // Nothing grows that was not seen before.
      const up = async (): Promise<unknown> =>
        (await ask<{ data: { result: { value: [number, string] }[] } }>(`${prometheus.url}/api/v1/query?query=up`)).data
          .result[0]?.value[1];
      await vi.waitFor(async () => expect(await up()).toBe('1'), patience);
    });
    afterAll(async () => {
      await prometheus?.stop();
      tidegate?.signal('SIGKILL');
      await tidegate?.ended();
    });

    it('reads what the process tells, of which promtool has nothing to say', async () => {
      expect(await metricComplaints(`http://${address}`)).toBe('');
    });

    it('loads every rule that is shipped, and evaluates each without an error', async () => {
      interface Loaded {
        readonly name: string;
        readonly health: string;
        readonly lastError?: string;
      }
      const loaded = async (): Promise<readonly Loaded[]> =>
        (await ask<{ data: { groups: { rules: Loaded[] }[] } }>(`${prometheus.url}/api/v1/rules`)).data.groups.flatMap(
          ({ rules }) => rules,
        );
      const { groups } = parse(readFileSync(rulesFile, 'utf8')) as RuleGroups;
      expect(await loaded()).toHaveLength(groups.flatMap(({ rules }) => rules).length);
      await expect
        .poll(async () => (await loaded()).filter(({ health }) => health === 'unknown'), patience)
        .toEqual([]);
      expect((await loaded()).filter(({ health }) => health !== 'ok')).toEqual([]);
    });

    it('tells Alertmanager of a policy file that was refused, of which process, and where to read on', async () => {
      expect(await alertsOf(alertmanager, 'TidegatePoliciesRefused')).toEqual([]);
      writeFileSync(policies, badPolicies);
      await expect.poll(async () => (await alertsOf(alertmanager, 'TidegatePoliciesRefused')).length, patience).toBe(1);
      const [alert] = await alertsOf(alertmanager, 'TidegatePoliciesRefused');
      expect(alert?.labels).toMatchObject({ severity: 'ticket', instance: address });
      expect(alert?.annotations).toMatchObject({
        summary: expect.stringContaining(address),
        runbook_url: expect.stringMatching(/docs\/runbooks\/policies-refused\.md$/),
      });
      expect(Object.values(alert?.annotations ?? {}).join()).toMatch(/\/d\/tidegate-\w+\?viewPanel=\d+/);
    });
  });

  describe.skipIf(redisUrl() === null)('two processes that evaluate alerts themselves', () => {
    const url = redisUrl() ?? '';

    it('are one alert there, with labels, cause and links, whoever of them tells it, until it is over', async () => {
      const redis = await openRedis({ url });
      const namespace = freshName('alerts');
      const fleet = alertFleet({
        definitions: [definitionOf({ forMs: turnMs, keepFiringMs: turnMs })],
        store: (clock) => new RedisAlertStore({ redis, namespace, nowMs: () => clock.nowMs() }),
        alertmanager: { url: new URL(alertmanager.url), post: createPost({ clock: systemClock }) },
        // Alertmanager has a clock of its own: what is told must not have ended by it, and what is over must have.
        startMs: systemClock.nowMs() - 11 * turnMs,
      });
      const [first, second] = [fleet.process('first'), fleet.process('second')];
      const turns = async (count: number): Promise<void> => {
        for (let turn = 0; turn < count; turn += 1) {
          fleet.clock.advance(turnMs);
          await first.turn();
          await second.turn();
        }
      };
      const told = () => alertsOf(alertmanager, 'TidegateThrottleSpike');
      fleet.world.readings = [readingOf()];
      await turns(3);
      expect(await told()).toHaveLength(1);
      const [begun] = await told();
      expect(begun?.labels).toEqual({
        alertname: 'TidegateThrottleSpike',
        severity: 'page',
        area: 'throttling',
        tenant: 'acme',
      });
      expect(begun?.annotations).toMatchObject({
        summary: 'Denials of acme rose to 420 a minute',
        cause: expect.stringContaining('one client'),
        runbook_url: 'https://docs.example.com/runbooks/throttle-spike.md',
        dashboard_url: expect.stringContaining('https://grafana.example.com/d/tidegate-overview?viewPanel=3&from='),
      });
      first.mortal.isDead = true;
      await turns(4);
      expect(second.evaluator.stats().isLeader).toBe(true);
      expect((await told()).map(({ labels, startsAt }) => ({ labels, startsAt }))).toEqual([
        { labels: begun?.labels, startsAt: begun?.startsAt },
      ]);
      fleet.world.readings = [];
      await turns(3);
      expect(await told()).toEqual([]);
      redis.disconnect();
    });
  });
});
