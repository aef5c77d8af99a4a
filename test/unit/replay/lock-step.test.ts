import { describe, expect, it } from 'vitest';
import { clientKeyOf } from '../../../src/client.ts';
import { ManualClock, systemClock } from '../../../src/clock.ts';
import { createGate } from '../../../src/gate/gate.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import { parsePolicies } from '../../../src/policy/parse.ts';
import type { PolicySet, PolicySource } from '../../../src/policy/policy.ts';
import type { LoggedRequest } from '../../../src/replay/access-log-line.ts';
import { loggedRequests, replayInLockStep } from '../../../src/replay/lock-step.ts';

const startMs = Date.UTC(2015, 4, 17);

const policiesOf = (limit: number): PolicySet =>
  parsePolicies(`{ version: 1, policies: [{ name: per-client, limit: ${limit}, window: 1h }] }`);

const changeable = (first: PolicySet): PolicySource & { change(next: PolicySet): void } => {
  let current = first;
  const listeners: ((next: PolicySet) => void)[] = [];
  return {
    current: () => current,
    onChange: (listener) => {
      listeners.push(listener);
      return () => undefined;
    },
    close: () => undefined,
    change: (next) => {
      current = next;
      for (const listener of listeners) listener(next);
    },
  };
};

const requestAt = (second: number, address = '192.0.2.1'): LoggedRequest => ({
  timeMs: startMs + second * 1000,
  address,
  method: 'GET',
  path: '/',
});

/** A gate in log time, and parts behind it that write down when they were asked. */
const stage = (policies: PolicySource) => {
  const logClock = new ManualClock(0);
  const calls: string[] = [];
  const blocked = new Set<string>();
  let concluded: string[] = [];
  let unflushed = 0;
  let mostUnflushed = 0;
  const gate = createGate({
    policies,
    store: new MemoryLimitStore({ clock: logClock }),
    clock: logClock,
    notifiesClients: false,
    events: {
      record: () => {
        unflushed += 1;
        mostUnflushed = Math.max(mostUnflushed, unflushed);
      },
    },
    blockList: {
      find: (client) => {
        const subjectKey = clientKeyOf(client);
        const entry = {
          subjectKey,
          blockId: 'b',
          rule: 'r',
          expiresAtMs: startMs * 2,
          action: { kind: 'refuse' as const },
        };
        return blocked.has(subjectKey) ? entry : null;
      },
    },
  });
  return {
    calls,
    mostUnflushed: () => mostUnflushed,
    conclude: (clientKey: string) => concluded.push(clientKey),
    parts: {
      logClock,
      wallClock: systemClock,
      gate,
      emitter: {
        flush: () => {
          unflushed = 0;
          calls.push('flush');
          return Promise.resolve(new Map([[0, calls.length]]));
        },
      },
      detector: {
        whenReached: () => {
          calls.push('detect');
          return Promise.resolve();
        },
      },
      replica: {
        sync: () => {
          calls.push('sync');
          for (const clientKey of concluded) blocked.add(clientKey);
          concluded = [];
          return Promise.resolve();
        },
      },
    },
  };
};

describe('replayInLockStep', () => {
  it('decides in log time: a bucket that refills in an hour is full again an hour later in the log', async () => {
    const { parts } = stage(changeable(policiesOf(1)));
    const requests = [requestAt(0), requestAt(1), requestAt(3601), requestAt(3602)];
    const { tally, steps } = await replayInLockStep({ ...parts, source: loggedRequests(requests) });
    expect(tally.totals()).toMatchObject({ decisions: 4, allowed: 2, denied: 2 });
    expect(steps).toBe(4);
  });

  it('goes on behind a denial only when it is in the log, judged, and the block list has followed', async () => {
    const { parts, calls } = stage(changeable(policiesOf(2)));
    await replayInLockStep({
      ...parts,
      source: loggedRequests([requestAt(0), requestAt(1), requestAt(2), requestAt(3)]),
    });
    expect(calls).toEqual(['sync', 'flush', 'detect', 'sync', 'flush', 'detect', 'sync']);
  });

  it('blocks from the instant behind the evidence on, and nobody within the same instant', async () => {
    const { parts, conclude } = stage(changeable(policiesOf(1)));
    const requests = [requestAt(0), requestAt(5), requestAt(5), requestAt(6), requestAt(6, '192.0.2.2')];
    const { tally } = await replayInLockStep({
      ...parts,
      source: loggedRequests(requests),
      detector: { whenReached: () => Promise.resolve(void conclude('ip:192.0.2.1')) },
    });
    expect(tally.totals()).toMatchObject({ allowed: 2, denied: 2, blocked: 1 });
  });

  it('waits for the log every few hundred requests when nobody is denied, so that what is on its way stays bounded', async () => {
    const { parts, calls, mostUnflushed } = stage(changeable(policiesOf(1_000_000)));
    const requests = Array.from({ length: 2000 }, (_, second) => requestAt(second));
    await replayInLockStep({ ...parts, source: loggedRequests(requests) });
    expect(mostUnflushed()).toBeLessThanOrEqual(256);
    expect(calls).not.toContain('detect');
  });

  it('follows a policy that changes on the way', async () => {
    const policies = changeable(policiesOf(1000));
    const { parts } = stage(policies);
    const { tally } = await replayInLockStep({
      ...parts,
      source: loggedRequests([requestAt(0), requestAt(1), requestAt(2), requestAt(3)]),
      onStep: (decided) => {
        if (decided === 2) policies.change(policiesOf(1));
      },
    });
    expect(tally.totals()).toMatchObject({ decisions: 4 });
    expect(tally.totals().denied).toBeGreaterThanOrEqual(1);
  });

  it('takes an IPv6 client by its /64, as the HTTP middleware does', async () => {
    const { parts } = stage(changeable(policiesOf(1)));
    const requests = [requestAt(0, '2001:db8::1'), requestAt(1, '2001:db8::2')];
    const { tally } = await replayInLockStep({ ...parts, source: loggedRequests(requests) });
    expect(tally.offenders(1)[0]?.client).toEqual({ kind: 'ip', id: '2001:db8::/64' });
  });
});
