import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import type { Context } from '../../../src/cli/context.ts';
import { openCounters } from '../../../src/cli/engines.ts';
import { openGateSide, openPolicies } from '../../../src/cli/gate-side.ts';
import { Opened } from '../../../src/cli/opened.ts';
import { type Config, settingNames, settings } from '../../../src/cli/settings.ts';
import { clientOf } from '../../../src/client.ts';
import { systemClock } from '../../../src/clock.ts';
import { MemoryEventLog } from '../../../src/embedded/memory-event-log.ts';
import type { FleetMember } from '../../../src/limiter/fleet.ts';
import { silentLogger } from '../../../src/logger.ts';
import { instrument } from '../../../src/metrics/instrument.ts';
import { collectedMetrics } from '../../support/collected-metrics.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-gate-side-'));
const opened = new Opened();
afterEach(async () => {
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});

const policiesOf = (limit: number): string =>
  `version: 1\npolicies:\n  - { name: per-client, scope: [client], limit: ${limit}, window: 1m }\n`;

it('the gate of a process is measured as one in a host is: decisions, events, lists, policies, and what it is told of losses', async () => {
  const policiesFile = join(folder, 'policies.yaml');
  writeFileSync(policiesFile, policiesOf(1));
  const defaults = Object.fromEntries(settingNames.map((name) => [name, settings[name].default])) as Config;
  const config: Config = { ...defaults, policiesFile };
  const [clock, logger] = [systemClock, silentLogger];
  const context: Context = { config, clock, logger, redact: (text) => text };
  const { meterProvider, numberOf, valuesOf } = collectedMetrics();
  const measuring = instrument({ meterProvider });
  const policies = await openPolicies(context, opened, measuring);
  const counters = await openCounters({ ...config, clock, logger, time: 'wall' });
  opened.add(counters, (all) => all.close());
  const log = opened.add(new MemoryEventLog({ clock, partitions: 1 }), (closing) => closing.close());
  const members: FleetMember[] = [];
  const joining: typeof counters.join = (member) => {
    members.push(member);
    return counters.join(member);
  };
  const side = await openGateSide(context, {
    policies,
    counters: { ...counters, join: joining },
    log,
    measuring,
    opened,
    service: 'serve',
  });

  const request = { clients: [clientOf('ip', '203.0.113.9')], method: 'GET', path: '/orders' };
  for (const _ of Array(3)) await side.gate.check(request);
  const outcomes = (await valuesOf('tidegate.decisions')).map(([of, count]) => [of['tidegate.outcome'], count]);
  expect(new Map(outcomes as [string, number][])).toEqual(
    new Map([
      ['allowed', 1],
      ['denied', 2],
    ]),
  );
  expect(await numberOf('tidegate.events.recorded')).toBe(3);
  const { region } = config;
  const told = { region, service: 'serve', decisions: 3, denied: 2, degradedShare: 0, blockListEntries: 0 };
  expect(await side.fleet.gates()).toEqual([
    expect.objectContaining({ ...told, policyVersion: policies.current().version }),
  ]);
  expect(await numberOf('tidegate.block_list.size')).toBe(0);
  expect(await numberOf('tidegate.policies.size')).toBe(1);
  expect(await numberOf('tidegate.policies.records_dropped')).toBe(0);

  members[0]?.onCountersLost?.({ kind: 'flushed', expectedBeats: 9, foundBeats: 1 });
  const losses = (await valuesOf('tidegate.counters_lost')).filter(([, count]) => count !== 0);
  expect(losses).toEqual([[{ 'tidegate.loss': 'flushed' }, 1]]);

  writeFileSync(policiesFile, policiesOf(-1));
  await vi.waitFor(async () => expect(await numberOf('tidegate.policies.refused')).toBe(1), { timeout: 8000 });
});
