import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { context, metrics, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  clientOf,
  createGate,
  type DecisionMessage,
  definePolicies,
  type LimitStore,
  ManualClock,
  MemoryLimitStore,
  watchPolicyFile,
} from '../../../src/index.ts';
import { collectedMetrics } from '../../support/collected-metrics.ts';

const request = (user: string) => ({ clients: [clientOf('user', user)], method: 'GET', path: '/orders/7' });
const policies = () => definePolicies([{ name: 'per-client', limit: 60, window: '1m', burst: 2 }]);

/** Answers a while later and in one call for all, as a server does. */
const distantStore = (): LimitStore => {
  const store = new MemoryLimitStore({ clock: new ManualClock() });
  return {
    immediate: false,
    spend: async (spends) => {
      await new Promise((resolve) => setImmediate(resolve));
      return store.spend(spends);
    },
    giveBack: (returns) => store.giveBack(returns),
    close: () => store.close(),
  };
};

const hostThatTraces = () => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const within = async (name: string, task: () => Promise<unknown>): Promise<void> => {
    const span = provider.getTracer('host').startSpan(name);
    await context.with(trace.setSpan(context.active(), span), task);
    span.end();
  };
  const eventsOf = (name: string) =>
    exporter
      .getFinishedSpans()
      .filter((span) => span.name === name)
      .flatMap(({ events }) => events.map(({ attributes }) => attributes));
  return { within, eventsOf };
};

afterEach(() => {
  metrics.disable();
  context.disable();
});

describe('a policy file of the library', () => {
  it('counts the versions that were refused, and still says so to the host', async () => {
    const { meterProvider, numberOf } = collectedMetrics();
    metrics.setGlobalMeterProvider(meterProvider);
    const folder = mkdtempSync(join(tmpdir(), 'tidegate-policies-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'policies.yaml');
    writeFileSync(path, 'version: 1\npolicies: [{ name: a, limit: 1, window: 1m }]');
    const refusals: string[] = [];
    const clock = new ManualClock();
    const source = await watchPolicyFile({ path, clock, onRefused: ({ code }) => refusals.push(code) });
    const gate = createGate({ policies: source, store: new MemoryLimitStore(), clock });
    const before = Number((await numberOf('tidegate.policies.refused')) ?? 0);
    writeFileSync(path, 'version: 1\npolicies: [{ name: a, limit: 0, window: 1m }]');
    const look = () => {
      clock.advance(2000);
      return refusals;
    };
    await expect.poll(look).toEqual(['POLICY_INVALID']);
    expect(await numberOf('tidegate.policies.refused')).toBe(before + 1);
    await gate.close();
    source.close();
  });
});

describe('a gate of the library', () => {
  it('is measured without being asked, and two gates of a process add up', async () => {
    const { meterProvider, valuesOf, numberOf } = collectedMetrics();
    metrics.setGlobalMeterProvider(meterProvider);
    const newGate = () => createGate({ policies: policies(), store: new MemoryLimitStore() });
    const first = newGate();
    const loadsBefore = Number(await numberOf('tidegate.policies.loads'));
    const gates = [first, newGate()];
    for (const gate of gates) for (let times = 0; times < 3; times += 1) await gate.check(request('ann'));
    const counts = (await valuesOf('tidegate.decisions')).map(([labels, value]) => [labels['tidegate.outcome'], value]);
    expect(new Map(counts as [string, number][])).toEqual(
      new Map([
        ['allowed', 4],
        ['denied', 2],
      ]),
    );
    expect(await numberOf('tidegate.policies.loads')).toBe(loadsBefore + 1);
    expect(await numberOf('tidegate.live_gates')).toBe(1);
    for (const gate of gates) await gate.close();
    expect(await numberOf('tidegate.overflowed')).toBe(0);
  });

  it('is not measured where it says so', async () => {
    const heard: unknown[] = [];
    const listener = (message: unknown) => void heard.push(message);
    subscribe('tidegate:decision', listener);
    onTestFinished(() => void unsubscribe('tidegate:decision', listener));
    const gate = createGate({ policies: policies(), store: new MemoryLimitStore(), metrics: false });
    await gate.check(request('ann'));
    expect(heard).toEqual([]);
  });

  it('publishes the very decision that the caller gets, with what it does not say itself, also to an observer', async () => {
    const heard: DecisionMessage[] = [];
    const observed: unknown[] = [];
    const listener = (message: unknown) => void heard.push(message as DecisionMessage);
    subscribe('tidegate:decision', listener);
    onTestFinished(() => void unsubscribe('tidegate:decision', listener));
    const observer = { decided: (...told: unknown[]) => void observed.push(told) };
    const gate = createGate({ policies: policies(), store: new MemoryLimitStore(), observer });
    const decision = await gate.check({ ...request('ann'), tenant: 'acme' });
    expect(heard[0]?.decision).toBe(decision);
    expect(heard[0]).toMatchObject({ method: 'GET', tenant: 'acme', early: false });
    expect(observed).toEqual([[decision, expect.objectContaining({ tenant: 'acme' })]]);
  });

  it('notes each decision on the span in which it was asked for, though they were counted in one call', async () => {
    const { within, eventsOf } = hostThatTraces();
    // A busy machine may need longer than a request could wait.
    const gate = createGate({ policies: policies(), store: distantStore(), deadlineMs: 5000 });
    // A host that traces is looked for with every 16th decision.
    for (let count = 0; count < 16; count += 1) await gate.check(request('somebody'));
    await Promise.all([
      within('first', async () => {
        await gate.check(request('ann'));
        await gate.check(request('ann'));
        await gate.check(request('ann'));
      }),
      within('second', async () => gate.check(request('ben'))),
    ]);
    expect(eventsOf('first').map((attributes) => attributes?.['tidegate.outcome'])).toEqual([
      'allowed',
      'allowed',
      'denied',
    ]);
    expect(eventsOf('second')).toEqual([
      {
        'tidegate.outcome': 'allowed',
        'tidegate.source': 'store',
        'tidegate.policy': 'per-client',
        'tidegate.remaining': 1,
      },
    ]);
  });
});
