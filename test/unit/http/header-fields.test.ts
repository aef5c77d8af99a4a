import fc from 'fast-check';
import { parseList } from 'structured-headers';
import { describe, expect, it } from 'vitest';
import { clientOf } from '../../../src/client.ts';
import { ManualClock } from '../../../src/clock.ts';
import type { Decision, LimitState } from '../../../src/decision/decision.ts';
import { createGate } from '../../../src/gate/gate.ts';
import { answerTo } from '../../../src/http/answer.ts';
import { type LegacyHeaders, parseHeaderOptions } from '../../../src/http/header-fields.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import { parsePolicies } from '../../../src/policy/parse.ts';
import { algorithms } from '../../../src/policy/policy.ts';
import { staticPolicies } from '../../../src/policy/static-source.ts';

const runs = { numRuns: 150 };

/** A policy as a file has it. */
type PolicyFields = Readonly<Record<string, string | number>>;

const gateWith = (policies: readonly PolicyFields[]) => {
  const clock = new ManualClock();
  const text = JSON.stringify({ version: 1, policies });
  const gate = createGate({
    policies: staticPolicies(parsePolicies(text)),
    store: new MemoryLimitStore({ clock }),
    clock,
  });
  const client = clientOf('user', 'ann');
  const ask = (cost?: number): Decision => {
    const decision = gate.check({
      clients: [client],
      method: 'GET',
      path: '/',
      ...(cost === undefined ? {} : { cost }),
    });
    if (decision instanceof Promise) throw new Error('counters in memory answer at once');
    return decision;
  };
  return { clock, ask };
};

const headersOf = (decision: Decision, random = 0, legacy: LegacyHeaders = 'none'): Record<string, string> => ({
  ...answerTo(decision, {
    headers: parseHeaderOptions({ legacy }),
    blockStatus: 429,
    random: () => random,
    nowMs: 1_750_000_000_000,
  }).headers,
});

interface Member {
  readonly q?: number;
  readonly w?: number;
  readonly r?: number;
  readonly t?: number;
  readonly qu?: string;
}

/** Members of a structured list whose members are Strings; all that the draft lets us say of them but the unit are Integers. */
const membersOf = (field: string | undefined): Map<string, Member> => {
  const members = parseList(field ?? '').map(([name, parameters]): [string, Member] => {
    if (typeof name !== 'string') throw new Error(`not a String: ${String(name)}`);
    for (const [key, value] of parameters) {
      if (key === 'qu') expect(value).toBeTypeOf('string');
      else expect(value).toSatisfy(Number.isSafeInteger, `${key} is no Integer`);
    }
    return [name, Object.fromEntries(parameters)];
  });
  expect(members.length).toBeGreaterThan(0);
  expect(new Set(members.map(([name]) => name)).size).toBe(members.length);
  return new Map(members);
};

const named = (policies: Record<string, PolicyFields>) =>
  gateWith(Object.entries(policies).map(([name, fields]) => ({ name, limit: 60, window: '1m', ...fields })));

describe('the standard fields', () => {
  it('name the window in whole seconds, and leave out one that has none', () => {
    const { ask } = named({ minute: {}, 'half-second': { window: '500ms' }, uneven: { window: '1500ms' } });
    expect(headersOf(ask())['ratelimit-policy']).toBe('"minute";q=60;w=60, "half-second";q=60, "uneven";q=60');
  });

  it('leave out the time to more of what is whole', () => {
    const { ask } = named({ minute: {} });
    expect(headersOf(ask(0))['ratelimit']).toBe('"minute";r=60');
  });

  it('tell a denied client of the wait for the limits that deny alone', () => {
    const { ask } = named({ second: { limit: 1, window: '2s' }, day: { limit: 1000, window: '1d' } });
    ask();
    const headers = headersOf(ask());
    expect(headers['ratelimit']).toBe('"second";r=0;t=2, "day";r=999');
    expect(headers['retry-after']).toBe('2');
  });

  it('say nothing of limits in shadow mode, and nothing at all when there are no others', () => {
    const { ask } = named({ minute: {}, next: { mode: 'shadow', limit: 1 } });
    expect(headersOf(ask())['ratelimit-policy']).toBe('"minute";q=60;w=60');
    expect(headersOf(named({ next: { mode: 'shadow', limit: 1 } }).ask())).toEqual({});
  });

  it('go by the interval that is enforced, however many units are missing', () => {
    // 60.6 microseconds per unit, enforced as 61: over this burst, that is four seconds.
    const { ask } = named({ bulk: { limit: 990_000, window: '1m', burst: 9_900_000 } });
    expect(headersOf(ask(9_900_000))['ratelimit']).toBe('"bulk";r=0;t=1');
  });

  it('do not let a rounded reset time say later than Retry-After', () => {
    // A store that counts microseconds: one more unit in 1 s exactly, full in 3857.144 ms, told as 3858.
    const state: LimitState = {
      policy: 'seven',
      scope: ['client'],
      shadow: false,
      algorithm: 'token-bucket',
      limit: 7,
      windowMs: 10_000,
      burst: 3,
      allowed: false,
      remaining: 0,
      resetAfterMs: 3858,
      retryAfterMs: 1000,
    };
    const denied: Decision = {
      outcome: 'denied',
      client: clientOf('user', 'ann'),
      route: 'GET /',
      source: 'store',
      degraded: null,
      policyVersion: '0',
      cost: 1,
      limits: [state],
      deciding: state,
      candidateOutcome: null,
      compensated: false,
      retryAfterMs: 1000,
    };
    expect(headersOf(denied)).toMatchObject({ ratelimit: '"seven";r=0;t=1', 'retry-after': '1' });
  });

  it('stay short whatever the number of policies, and name those that deny', () => {
    const many = Object.fromEntries(Array.from({ length: 99 }, (_, index) => [`p${index}`, {}]));
    const { ask } = named({ ...many, tight: { limit: 1 } });
    expect(membersOf(headersOf(ask())['ratelimit']).size).toBe(16);
    const denied = headersOf(ask());
    expect([...membersOf(denied['ratelimit']).keys()].slice(0, 2)).toEqual(['tight', 'p0']);
    expect(membersOf(denied['ratelimit-policy']).size).toBe(16);
  });

  it('have no Retry-After where waiting never helps', () => {
    const { ask } = named({ minute: { burst: 5 } });
    const answer = headersOf(ask(6));
    expect(answer).not.toHaveProperty('retry-after');
    expect(answer['ratelimit']).toBe('"minute";r=5');
  });

  it('come with a refusal that no cache may keep', () => {
    const { ask } = named({ minute: { limit: 1 } });
    expect(headersOf(ask())).not.toHaveProperty('cache-control');
    expect(headersOf(ask())).toMatchObject({
      'cache-control': 'no-store',
      'content-type': 'application/problem+json',
    });
  });
});

describe('the legacy fields', () => {
  it.each([
    ['seconds-left', '60'],
    ['epoch-seconds', '1750000060'],
  ] as const)('tell of the limit that decides, its reset in %s', (legacy, reset) => {
    const { ask } = named({ day: { limit: 1000, window: '1d' }, minute: { limit: 2 } });
    ask();
    const last = headersOf(ask(), 0, legacy);
    expect(last).toMatchObject({ 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset });
    expect(headersOf(ask(), 0, legacy)).toMatchObject({ 'x-ratelimit-limit': '2', 'x-ratelimit-reset': reset });
  });

  it('are left out when no limit decides', () => {
    expect(headersOf(gateWith([]).ask(), 0, 'seconds-left')).toEqual({});
  });
});

const windowText = fc.oneof(
  fc.integer({ min: 50, max: 5000 }).map((ms) => `${ms}ms`),
  fc.integer({ min: 1, max: 90_000 }).map((seconds) => `${seconds}s`),
);

const common = {
  limit: fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 30 })),
  window: windowText,
  mode: fc.constantFrom('enforce', 'enforce', 'enforce', 'shadow'),
};

const bucket = fc
  .record({
    ...common,
    algorithm: fc.constantFrom('token-bucket', 'leaky-bucket'),
    burst: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
  })
  .map(({ burst, ...fields }): PolicyFields => ({ ...fields, ...(burst === undefined ? {} : { burst }) }));

const withoutBurst = fc.record({
  ...common,
  limit: fc.integer({ min: 1, max: 60 }),
  algorithm: fc.constantFrom('sliding-window', 'fixed-window', 'concurrency'),
});

const policy: fc.Arbitrary<PolicyFields> = fc.oneof(bucket, withoutBurst);

const scenario = fc.record({
  policies: fc
    .array(policy, { minLength: 1, maxLength: 5 })
    .map((fields) => fields.map((one, index): PolicyFields => ({ name: `p.${index}_-`, ...one }))),
  steps: fc.array(
    fc.record({
      waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2000 })),
      cost: fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, fc.integer({ min: 0, max: 60 })),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    }),
    { minLength: 1, maxLength: 40 },
  ),
});

/** Whether this decision's own policies were accepted: some random ones are refused for their rounding. */
const gateOrNull = (policies: readonly PolicyFields[]) => {
  try {
    return gateWith(policies);
  } catch {
    return null;
  }
};

const enforcedOf = ({ limits }: Decision): readonly LimitState[] => limits.filter(({ shadow }) => !shadow);

const saidOf = ({ algorithm, limit, windowMs }: LimitState): Member => {
  if (algorithm === 'concurrency') return { q: limit, qu: 'concurrent-requests' };
  return { q: limit, ...(windowMs % 1000 === 0 ? { w: windowMs / 1000 } : {}) };
};

/** Whether anybody knows when there will be more. */
const mayTellTime = ({ algorithm, allowed }: LimitState): boolean =>
  algorithm !== 'concurrency' && !(algorithm === 'sliding-window' && allowed);

const judge = (decision: Decision, random: number): void => {
  const headers = headersOf(decision, random);
  const enforced = enforcedOf(decision);
  if (enforced.length === 0) {
    expect(headers).toEqual({});
    return;
  }
  const policies = membersOf(headers['ratelimit-policy']);
  const limits = membersOf(headers['ratelimit']);
  expect([...policies.keys()]).toEqual([...limits.keys()]);
  for (const state of enforced) {
    expect(policies.get(state.policy)).toEqual(saidOf(state));
    const { r = -1, t = 0, ...rest } = limits.get(state.policy) ?? {};
    expect(rest).toEqual({});
    expect(r).toBe(state.remaining);
    expect(t).toBeGreaterThanOrEqual(0);
    expect(mayTellTime(state) || t === 0).toBe(true);
    const retryAfter = headers['retry-after'];
    if (retryAfter !== undefined) expect(Number(retryAfter)).toBeGreaterThanOrEqual(Math.max(1, t));
  }
};

describe('the fields of any decision under any policies', () => {
  it('are lists of Strings with non-negative Integers, as a parser of structured fields reads them, and Retry-After is never earlier than t', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(scenario, ({ policies, steps }) => {
        const made = gateOrNull(policies);
        fc.pre(made !== null);
        for (const { waitMs, cost, random } of steps) {
          made.clock.advance(waitMs);
          const decision = made.ask(cost);
          for (const { algorithm, allowed } of enforcedOf(decision)) {
            const kind = `${algorithm} ${allowed ? 'allows' : 'denies'}`;
            seen.set(kind, (seen.get(kind) ?? 0) + 1);
          }
          judge(decision, random);
        }
      }),
      runs,
    );
    expect(seen.size).toBe(2 * algorithms.length);
    expect(Math.min(...seen.values())).toBeGreaterThan(5);
  });

  it('keep their word: after t seconds there is more, and not two seconds before', () => {
    const told = new Set<string>();
    fc.assert(
      fc.property(scenario, ({ policies, steps }) => {
        const [first] = policies;
        const made = gateOrNull(first ? [{ ...first, mode: 'enforce' }] : []);
        fc.pre(made !== null && first !== undefined && first['algorithm'] !== 'sliding-window');
        for (const { cost } of steps) {
          const [{ r = 0, t } = {}] = membersOf(headersOf(made.ask(cost))['ratelimit']).values();
          if (t === undefined) continue;
          told.add(String(first['algorithm']));
          const early = Math.max(0, (t - 2) * 1000);
          made.clock.advance(early);
          if (early > 0) expect(enforcedOf(made.ask(0))[0]?.remaining).toBe(r);
          made.clock.advance(t * 1000 - early);
          expect(enforcedOf(made.ask(0))[0]?.remaining).toBeGreaterThan(r);
        }
      }),
      runs,
    );
    expect([...told].sort()).toEqual(['fixed-window', 'leaky-bucket', 'token-bucket']);
  });

  it('keep it of a sliding window where it denies: after t seconds, and after Retry-After, the same cost fits', () => {
    let denials = 0;
    fc.assert(
      fc.property(scenario, withoutBurst, ({ steps }, fields) => {
        const made = gateWith([{ ...fields, name: 'slides', algorithm: 'sliding-window', mode: 'enforce' }]);
        for (const { cost, waitMs } of steps) {
          made.clock.advance(waitMs);
          const headers = headersOf(made.ask(cost));
          const [{ t } = {}] = membersOf(headers['ratelimit']).values();
          if (t === undefined) continue;
          denials += 1;
          expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(t);
          made.clock.advance(t * 1000);
          expect(made.ask(cost).outcome).toBe('allowed');
        }
      }),
      runs,
    );
    expect(denials).toBeGreaterThan(20);
  });
});

describe('requests in flight', () => {
  it('are told with their unit, without window or time, and to be tried again within a second', () => {
    const { ask } = named({ 'in-flight': { algorithm: 'concurrency', limit: 2, window: '1m' } });
    expect(headersOf(ask(2))).toEqual({
      'ratelimit-policy': '"in-flight";q=2;qu="concurrent-requests"',
      ratelimit: '"in-flight";r=0',
    });
    expect(headersOf(ask())).toMatchObject({ ratelimit: '"in-flight";r=0', 'retry-after': '1' });
    expect(headersOf(ask(3))).not.toHaveProperty('retry-after');
  });
});

describe('the text of what is said of a policy', () => {
  it('follows a policy that changes under the same name', () => {
    const said = (fields: PolicyFields) => headersOf(named({ same: fields }).ask())['ratelimit-policy'];
    expect([said({ limit: 5 }), said({ limit: 6 }), said({ limit: 6, window: '2m' }), said({ limit: 5 })]).toEqual([
      '"same";q=5;w=60',
      '"same";q=6;w=60',
      '"same";q=6;w=120',
      '"same";q=5;w=60',
    ]);
  });
});
