import { describe, expect, it } from 'vitest';
import { throttlingAlerts } from '../../../src/alert/catalogue/throttling.ts';
import type { DecisionQuestionName } from '../../../src/alert/definition.ts';
import { alertFleet, turnMs } from '../../support/alert-fleet.ts';
import { readingOf } from '../../support/alerts.ts';

const burns = throttlingAlerts.filter(({ id }) => id.startsWith('throttle-burn'));
const acme = { dimension: 'tenant', name: 'acme' };
const umbrella = { dimension: 'tenant', name: 'umbrella' };
const all = { dimension: 'all', name: 'all' };
type Labels = Readonly<Record<string, string>>;

const stage = () => {
  const fleet = alertFleet({ definitions: burns });
  const { evaluator, turn } = fleet.process('one');
  const found: Partial<Record<DecisionQuestionName, readonly Labels[]>> = {};
  fleet.world.read = async (question) => (found[question] ?? []).map((labels) => readingOf({ labels }));
  /** Minutes in which this is found. */
  const play = async (minutes: number, fast: readonly Labels[], slow: readonly Labels[] = []): Promise<void> => {
    found['throttle-burn-fast'] = fast;
    found['throttle-burn-slow'] = slow;
    for (let n = 0; n < (minutes * 60_000) / turnMs; n += 1) {
      fleet.clock.advance(turnMs);
      await turn();
    }
  };
  const told = (): string[] =>
    fleet.notices.map(({ kind, data }) => {
      const { alert, labels } = data as { alert: string; labels: Labels };
      return `${alert} ${labels['name']} ${kind.replace('alert.', '')}`;
    });
  const waiting = (): (string | null)[] =>
    evaluator.known.instances.filter(({ state }) => state === 'pending').map(({ inhibitedBy }) => inhibitedBy);
  return { play, told, waiting };
};

describe('a slow burn', () => {
  it('is told when nobody is paged for the same, and goes on when somebody is', async () => {
    const { play, told } = stage();
    await play(20, [], [acme]);
    await play(60, [acme], [acme]);
    expect(told()).toEqual(['throttle-burn-slow acme firing', 'throttle-burn-fast acme firing']);
    await play(30, [], []);
    expect(told().slice(2)).toEqual(['throttle-burn-fast acme resolved', 'throttle-burn-slow acme resolved']);
  });

  it.each([
    ['the same tenant', [acme]],
    ['all decisions', [all]],
  ])('waits while somebody is paged for %s, and is told if it still burns when that is over', async (_, fast) => {
    const { play, told, waiting } = stage();
    await play(120, fast, [acme]);
    expect(told()).toHaveLength(1);
    expect(waiting()).toEqual(['throttle-burn-fast']);
    await play(30, [], [acme]);
    expect(told().slice(1)).toEqual([expect.stringMatching(/fast \w+ resolved/), 'throttle-burn-slow acme firing']);
  });

  it('is forgotten when it ends before the page does', async () => {
    const { play, told } = stage();
    await play(60, [acme], [acme]);
    await play(60, []);
    expect(told()).toEqual(['throttle-burn-fast acme firing', 'throttle-burn-fast acme resolved']);
  });

  it('of somebody else, or of all decisions, does not wait for the page of one tenant', async () => {
    const { play, told } = stage();
    await play(30, [acme], [umbrella, all]);
    expect(told().sort()).toEqual([
      'throttle-burn-fast acme firing',
      'throttle-burn-slow all firing',
      'throttle-burn-slow umbrella firing',
    ]);
  });
});

describe('a fast burn', () => {
  it('of all decisions that dips below its bound is not told again by the values that do not', async () => {
    const { play, told } = stage();
    await play(10, [all]);
    for (let dip = 0; dip < 5; dip += 1) {
      await play(4, [acme, umbrella]);
      await play(3, [all]);
    }
    expect(told()).toEqual(['throttle-burn-fast all firing']);
    await play(20, [acme]);
    expect(told().slice(1)).toEqual(['throttle-burn-fast all resolved', 'throttle-burn-fast acme firing']);
  });

  it('of a tenant that spreads to everybody is told of all as well', async () => {
    const { play, told } = stage();
    await play(10, [acme]);
    await play(3, [all]);
    expect(told()).toEqual(['throttle-burn-fast acme firing', 'throttle-burn-fast all firing']);
  });
});
