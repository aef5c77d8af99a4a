import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noAlerts } from '../../../src/alert/alert-store.ts';
import { answersWithinMs, blindAlert } from '../../../src/alert/answers.ts';
import { instanceBounds } from '../../../src/alert/evaluation.ts';
import { TidegateError } from '../../../src/errors.ts';
import type { Sample } from '../../../src/metrics/sample.ts';
import { alertFleet, type FleetOptions, turnMs } from '../../support/alert-fleet.ts';
import { definitionOf, readingOf } from '../../support/alerts.ts';

const blind = definitionOf({
  id: blindAlert,
  question: {
    kind: 'figures',
    by: [],
    value: { figure: 'breakerOpen', reading: 'last', windowMs: 120_000, across: 'max' },
    bound: { above: 0 },
  },
});
const figureAlert = definitionOf({
  id: 'breaker-open',
  forMs: 0,
  keepFiringMs: 0,
  question: {
    kind: 'figures',
    by: ['process'],
    value: { figure: 'breakerOpen', reading: 'last', windowMs: 120_000, across: 'sum' },
    bound: { above: 0 },
  },
});
const fires = [readingOf()];

/** One process, turned as its timer does. */
const alone = (options: FleetOptions = {}) => {
  const fleet = alertFleet(options);
  const one = fleet.process('one');
  const turns = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 1) {
      fleet.clock.advance(turnMs);
      await one.turn();
    }
  };
  const statesOf = () => one.evaluator.known.instances.map(({ alert, state }) => `${alert} ${state}`);
  return { ...fleet, ...one, turns, statesOf };
};

describe('an evaluator', () => {
  it('tells once that an alert fires, with its cause, numbers and links, and once that it is over', async () => {
    const { world, turns, notices, clock, statesOf } = alone();
    world.readings = fires;
    await turns(1);
    expect(statesOf()).toEqual(['throttle-spike pending']);
    expect(notices).toEqual([]);
    const sinceMs = clock.nowMs();
    await turns(20);
    world.readings = [];
    await turns(20);
    expect(notices.map(({ kind }) => kind)).toEqual(['alert.firing', 'alert.resolved']);
    expect(notices[0]?.data).toMatchObject({
      alert: 'throttle-spike',
      tenant: 'acme',
      summary: 'Denials of acme rose to 420 a minute',
      cause: 'one-client',
      causeText: 'one client makes most of the denials',
      numbersText: 'denied 420',
      since: new Date(sinceMs).toISOString(),
      runbook: 'https://docs.example.com/runbooks/throttle-spike.md',
      dashboard: expect.stringMatching(
        new RegExp(
          `^https://grafana\\.example\\.com/d/tidegate-overview\\?viewPanel=3&from=${sinceMs - 3_600_000}&to=\\d+&var-tenant=acme$`,
        ),
      ),
    });
    expect(statesOf()).toEqual(['throttle-spike resolved']);
  });

  it('keeps everything as it is while the database is away, and says so with an alert of its own', async () => {
    const { world, turns, idsOf, statesOf, evaluator } = alone({ definitions: [definitionOf(), blind] });
    world.readings = fires;
    await turns(6);
    world.read = () => Promise.reject(new Error('away'));
    await turns(40);
    expect(statesOf().sort()).toEqual(['alerts-blind firing', 'throttle-spike firing']);
    expect(evaluator.stats()).toMatchObject({ blind: 1, failures: 40 });
    expect(idsOf('alert.resolved')).toEqual([]);
    world.read = null;
    await turns(10);
    expect(statesOf().sort()).toEqual(['alerts-blind resolved', 'throttle-spike firing']);
    expect(idsOf('alert.firing')).toHaveLength(2);
  });

  it('waits for a slow database no longer than it may, and asks it nothing twice at once', async () => {
    const { world, evaluator, clock, turn } = alone({ definitions: [definitionOf(), blind] });
    let asked = 0;
    let answer: () => void = () => undefined;
    world.read = () => {
      asked += 1;
      return new Promise((resolve) => {
        answer = () => resolve([]);
      });
    };
    const first = turn();
    await new Promise(setImmediate);
    clock.advance(answersWithinMs);
    await first;
    expect(evaluator.known.unanswered).toEqual(['throttle-spike']);
    clock.advance(turnMs);
    await turn();
    expect(asked).toBe(1);
    answer();
    await new Promise(setImmediate);
    world.read = null;
    clock.advance(turnMs);
    await turn();
    expect(evaluator.known.unanswered).toEqual([]);
  });

  it('asks the database again when its answer is no longer the present one, and at once after a failure', async () => {
    const { world, turns, evaluator } = alone({ heldForMs: () => 25_000 });
    let asked = 0;
    world.read = async () => {
      asked += 1;
      if (asked === 3) throw new Error('away');
      return fires;
    };
    await turns(4);
    expect(asked).toBe(2);
    await turns(1);
    expect(evaluator.known.unanswered).toEqual(['throttle-spike']);
    await turns(1);
    expect([asked, evaluator.known.unanswered]).toEqual([4, []]);
  });

  it.each([
    ['a day ahead', 86_400_000],
    ['a day back', -86_400_000],
  ])('is not made to tell anything by a clock that is set %s', async (_, byMs) => {
    const { world, turns, notices, clock, statesOf } = alone({ definitions: [definitionOf({ forMs: 120_000 })] });
    world.readings = fires;
    await turns(2);
    clock.setMs(clock.nowMs() + byMs);
    await turns(1);
    expect(statesOf()).toEqual(['throttle-spike pending']);
    await turns(8);
    clock.setMs(clock.nowMs() + byMs);
    world.readings = [];
    await turns(1);
    expect(statesOf()).toEqual(['throttle-spike firing']);
    await turns(6);
    expect(notices.map(({ kind }) => kind)).toEqual(['alert.firing', 'alert.resolved']);
  });

  it('holds at most 100 instances of an alert, the worst ones and those that it had, and counts the others', async () => {
    const { world, turns, evaluator } = alone();
    const many = (from: number) =>
      Array.from({ length: 150 }, (_, n) => readingOf({ labels: { tenant: `t${from + n}` } }));
    world.readings = many(0);
    await turns(1);
    const names = () => evaluator.known.instances.map(({ labels }) => labels['tenant']);
    expect(names()).toHaveLength(instanceBounds.perAlert);
    expect(names()).toContain('t0');
    expect(evaluator.stats().dropped).toBe(50);
    world.readings = [...many(1000), ...many(0)];
    await turns(1);
    expect(names()).toHaveLength(instanceBounds.perAlert);
    expect(names()).toContain('t99');
    expect(names()).not.toContain('t1000');
  });

  it('holds at most 1000 instances in all', async () => {
    const definitions = Array.from({ length: 15 }, (_, n) => definitionOf({ id: `spike-${n}` }));
    const { world, turns, evaluator } = alone({ definitions });
    world.readings = Array.from({ length: 100 }, (_, n) => readingOf({ labels: { tenant: `t${n}` } }));
    await turns(2);
    expect(evaluator.known.instances).toHaveLength(instanceBounds.inAll);
    expect(evaluator.stats().dropped).toBeGreaterThanOrEqual(500);
  });

  it('tells nobody of what begins within a mute, tells it when the mute ends, and the end of what was told before', async () => {
    const mute = { alerts: ['throttle-spike'], labels: {}, fromMs: 0, untilMs: 0, reason: 'load test' };
    const fromMs = 1_750_000_000_000;
    const held = alone({ mutes: [{ ...mute, untilMs: fromMs + 20 * turnMs }] });
    held.world.readings = fires;
    await held.turns(19);
    expect(held.statesOf()).toEqual(['throttle-spike firing']);
    expect([held.notices, held.posted]).toEqual([[], []]);
    await held.turns(2);
    expect(held.idsOf('alert.firing')).toHaveLength(1);

    const over = alone({ mutes: [{ ...mute, fromMs: fromMs + 10 * turnMs, untilMs: fromMs + 100 * turnMs }] });
    over.world.readings = fires;
    await over.turns(10);
    over.world.readings = [];
    await over.turns(10);
    over.world.readings = fires;
    await over.turns(10);
    expect(over.notices.map(({ kind }) => kind)).toEqual(['alert.firing', 'alert.resolved']);
  });
});

describe('alerts about figures', () => {
  const sampleOf = (atMs: number, value: number, process = 'p1'): Sample => ({
    ...{ atMs, value, process, command: 'serve', region: 'local', figure: 'tidegate_store_breaker_open', labels: {} },
  });

  it('are not over because nothing is told any more, and end when what told them is gone for good', async () => {
    const stage = alone({ definitions: [figureAlert, blind] });
    const { world, turns, statesOf, clock } = stage;
    const tellFor = async (count: number, of: () => Sample[]): Promise<void> => {
      for (let n = 0; n < count; n += 1) {
        world.samples = [...world.samples, ...of()];
        await turns(1);
      }
    };
    await tellFor(12, () => [sampleOf(clock.nowMs(), 1), sampleOf(clock.nowMs(), 0, 'p2')]);
    expect(statesOf()).toEqual(['breaker-open firing']);
    await turns(60);
    expect(statesOf().sort()).toEqual(['alerts-blind firing', 'breaker-open firing']);
    await tellFor(30, () => [sampleOf(clock.nowMs(), 0, 'p2')]);
    expect(statesOf()).toContain('breaker-open firing');
    await tellFor(30, () => [sampleOf(clock.nowMs(), 0, 'p2')]);
    expect(statesOf()).toContain('breaker-open resolved');
  });

  it('inhibit alerts about decisions while what is stored is not fresh, and those say so', async () => {
    const stale = { ...figureAlert, id: 'pipeline-stale' };
    const { world, turns, evaluator, clock, idsOf } = alone({
      definitions: [definitionOf(), stale],
      freshness: ['pipeline-stale'],
    });
    world.readings = fires;
    for (let n = 0; n < 20; n += 1) {
      world.samples = [sampleOf(clock.nowMs(), 1)];
      await turns(1);
    }
    const spike = () => evaluator.known.instances.find(({ alert }) => alert === 'throttle-spike');
    expect(spike()).toMatchObject({ state: 'pending', inhibitedBy: 'pipeline-stale' });
    for (let n = 0; n < 6; n += 1) {
      world.samples = [sampleOf(clock.nowMs(), 0)];
      await turns(1);
    }
    expect(spike()).toMatchObject({ state: 'firing', inhibitedBy: null });
    for (let n = 0; n < 20; n += 1) {
      world.samples = [sampleOf(clock.nowMs(), 1)];
      world.readings = [];
      await turns(1);
    }
    expect(spike()).toMatchObject({ state: 'firing', inhibitedBy: 'pipeline-stale' });
    expect(idsOf('alert.resolved')).toHaveLength(1);
  });
});

describe('several evaluators', () => {
  it('tell one alert once under one id, and its end, whenever the one that evaluates is killed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 140 }), fc.boolean(), async (killAfter, lastHappens) => {
        const { world, clock, process, idsOf, posted } = alertFleet();
        const processes = [process('a'), process('b')];
        processes[0]?.mortal.killAfter(killAfter, lastHappens);
        for (let n = 0; n < 60; n += 1) {
          world.readings = n >= 3 && n < 30 ? fires : [];
          clock.advance(turnMs / 2);
          await processes[0]?.turn();
          clock.advance(turnMs / 2);
          await processes[1]?.turn();
        }
        expect(idsOf('alert.firing')).toHaveLength(1);
        expect(idsOf('alert.resolved')).toHaveLength(1);
        const alerts = posted.flatMap((one) => one.alerts.map((alert) => ({ ...alert, atMs: one.atMs })));
        expect(new Set(alerts.map(({ startsAt }) => startsAt)).size).toBe(1);
        expect(Date.parse(alerts.at(-1)?.endsAt ?? '')).toBeLessThanOrEqual(alerts.at(-1)?.atMs ?? 0);
      }),
      { numRuns: 120 },
    );
  });

  it('take over at once from one that is stopped', async () => {
    const { clock, process, world } = alertFleet();
    const [first, second] = [process('a'), process('b')];
    world.readings = fires;
    await first.turn();
    await second.turn();
    expect([first, second].map(({ evaluator }) => evaluator.stats().isLeader)).toEqual([true, false]);
    expect(second.evaluator.known).toEqual(first.evaluator.known);
    await first.evaluator.stop();
    clock.advance(turnMs);
    await second.turn();
    expect([first, second].map(({ evaluator }) => evaluator.stats().isLeader)).toEqual([false, true]);
  });

  it('go on each for itself while their store is away, and are of one mind again afterwards, with nothing told twice', async () => {
    const { clock, process, world, idsOf, posted } = alertFleet();
    const processes = [process('a'), process('b')];
    const turns = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n += 1) {
        clock.advance(turnMs);
        for (const one of processes) await one.turn();
      }
    };
    world.readings = fires;
    await turns(8);
    world.storeIsAway = true;
    world.readings = [...fires, readingOf({ labels: { tenant: 'umbrella' } })];
    await turns(10);
    for (const { evaluator } of processes) {
      expect(evaluator.known.instances.map(({ state }) => state)).toEqual(['firing', 'firing']);
    }
    expect(posted.at(-1)?.alerts.map(({ labels }) => labels['tenant'])).toContain('umbrella');
    world.storeIsAway = false;
    await turns(4);
    world.readings = [];
    await turns(10);
    expect(idsOf('alert.firing')).toHaveLength(2);
    expect(idsOf('alert.resolved')).toHaveLength(2);
    const [first, second] = processes.map(({ evaluator }) => evaluator.known);
    expect(second).toEqual(first);
  });

  it('are not made to tell again by a store that has lost everything', async () => {
    const { clock, process, world, idsOf, store } = alertFleet();
    const one = process('a');
    world.readings = fires;
    const turns = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n += 1) {
        clock.advance(turnMs);
        await one.turn();
      }
    };
    await turns(8);
    const { revision } = (await store.load()).alerts;
    await store.save({ revision: 0, evaluatedAtMs: 0, unanswered: [], instances: [] }, revision);
    await turns(8);
    expect(idsOf('alert.firing')).toHaveLength(1);
    expect((await store.load()).alerts.instances).toHaveLength(1);
  });

  it('go on from what they know when somebody has written something else into the store, say so, and replace it', async () => {
    const { clock, process, world, idsOf, store, logger } = alertFleet();
    const one = process('a');
    world.readings = fires;
    const turns = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n += 1) {
        clock.advance(turnMs);
        await one.turn();
      }
    };
    await turns(8);
    const { revision } = (await store.load()).alerts;
    const load = store.load.bind(store);
    const unfit = new TidegateError('INPUT_INVALID', 'nonsense');
    store.load = async () => ({ alerts: { ...noAlerts, revision }, unfit });
    await turns(1);
    store.load = load;
    expect(one.evaluator.stats()).toMatchObject({ failures: 1, isLeader: true });
    expect(logger.lines.filter(({ message }) => message.includes('is replaced'))).toHaveLength(1);
    expect((await store.load()).alerts).toMatchObject({ revision: revision + 1, instances: [{ state: 'firing' }] });
    await turns(8);
    expect(idsOf('alert.firing')).toHaveLength(1);
    expect(idsOf('alert.resolved')).toEqual([]);
  });
});
