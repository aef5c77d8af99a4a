import type { DecisionEvent } from '../../src/event/decision-event.ts';
import { encodeEvent } from '../../src/event/event-codec.ts';
import { decisionEvent } from './decision-frames.ts';

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** Names that break out of whatever is not careful. */
export const hostileNames = [
  `"; DROP TABLE decisions_raw; --`,
  `\\') OR 1=1 --`,
  "o'hare\\",
  '$__timeFilter(time)',
  '$__conditionalAll(1, $tenant)',
  `\${tenant:raw}`,
  'Zürich ☂ 株式会社',
  'two\nlines\tand a tab',
  '{a,b}',
  '100%25, or %2C',
  '$__all and more',
] as const;

/** Tenants beside each other, more than a chart has lines. */
const tenants = Array.from({ length: 14 }, (_, index) => `tenant-${String(index).padStart(2, '0')}`);

/** By age, not by the clock: what is usual before the spike is the same at any hour of the day. */
const share = (tenantIndex: number, agoMs: number): number =>
  ((tenantIndex * 7 + Math.floor(agoMs / hourMs)) % 11) / 40;

interface Step {
  readonly index: number;
  readonly atMs: number;
  readonly agoMs: number;
}

/** What one tenant did in one step: allowed and denied decisions, now and then blocked ones. */
const stepOf = ({ index, atMs, agoMs }: Step): DecisionEvent[] => {
  const tenant = tenants[index] ?? '';
  const total = 40 + ((index * 13 + Math.floor(agoMs / minuteMs)) % 60);
  const denied = Math.round(total * share(index, agoMs));
  const route = index % 3 === 0 ? 'POST /login' : 'GET /orders/:id';
  const region = index % 2 === 0 ? 'eu-west' : 'us-east';
  const client = `client-${index % 5}`;
  const facts = { tenant, route, region, client, policy: index % 4 === 0 ? '' : `policy-${index % 4}` };
  return [
    decisionEvent({
      ...facts,
      timeMs: atMs + 1_000,
      count: total - denied,
      latencyUs: 128 << (index % 5),
      remaining: 30,
    }),
    decisionEvent({
      ...facts,
      timeMs: atMs + 2_500,
      outcome: 'denied',
      count: Math.max(1, denied),
      early: Math.floor(denied / 2),
      latencyUs: 512,
    }),
    ...(index % 6 === 0
      ? [
          decisionEvent({
            ...facts,
            timeMs: atMs + 3_000,
            outcome: 'blocked',
            source: 'block-list',
            count: 3,
            latencyUs: 16,
          }),
        ]
      : []),
  ];
};

export interface Traffic {
  readonly events: readonly DecisionEvent[];
  /** Without any decision, within the last hours. */
  readonly hole: { readonly fromMs: number; readonly toMs: number };
  readonly spike: { readonly fromMs: number; readonly toMs: number; readonly tenant: string };
}

/** A hundred days up to `nowMs`: every six hours, every half hour of the last three days, every two minutes of the last six hours. */
export const trafficUntil = (nowMs: number): Traffic => {
  const events: DecisionEvent[] = [];
  const hole = { fromMs: nowMs - 4 * hourMs, toMs: nowMs - 4 * hourMs + 30 * minuteMs };
  const spike = { fromMs: nowMs - 90 * minuteMs, toMs: nowMs - 84 * minuteMs, tenant: 'tenant-03' };
  const dayHole = { fromMs: nowMs - 50 * dayMs, toMs: nowMs - 47 * dayMs };
  const stretch = (fromMs: number, toMs: number, stepMs: number): void => {
    for (let atMs = fromMs; atMs < toMs; atMs += stepMs) {
      if (atMs >= hole.fromMs && atMs < hole.toMs) continue;
      if (atMs >= dayHole.fromMs && atMs < dayHole.toMs) continue;
      for (const index of tenants.keys()) events.push(...stepOf({ index, atMs, agoMs: nowMs - atMs }));
    }
  };
  stretch(nowMs - 100 * dayMs, nowMs - 3 * dayMs, 6 * hourMs);
  stretch(nowMs - 3 * dayMs, nowMs - 6 * hourMs, 30 * minuteMs);
  stretch(nowMs - 6 * hourMs, nowMs, 2 * minuteMs);
  for (let atMs = spike.fromMs; atMs < spike.toMs; atMs += minuteMs) {
    for (const client of ['storm-1', 'storm-2', 'storm-3', 'storm-4']) {
      events.push(
        decisionEvent({
          tenant: spike.tenant,
          client,
          timeMs: atMs + 4_000,
          outcome: 'denied',
          count: 400,
          region: 'us-east',
        }),
      );
    }
  }
  hostileNames.forEach((tenant, index) => {
    const facts = { tenant, route: `GET /${tenant}`, client: `c${tenant}`, timeMs: nowMs - (index + 3) * minuteMs };
    events.push(
      decisionEvent({ ...facts, count: 5 }),
      decisionEvent({ ...facts, outcome: 'denied', count: 2 + index }),
    );
  });
  return { events: events.map((event, index) => ({ ...event, emitter: 'gate-1', seq: index + 1 })), hole, spike };
};

const younger = ['candidate_outcome', 'compensated', 'address', 'early', 'shadow_denied'] as const;

/** As stored lines; every third is of a release that did not know the younger fields. */
export const linesOf = (events: readonly DecisionEvent[]): Buffer =>
  Buffer.from(
    events
      .map((event, index) => {
        const line = JSON.parse(encodeEvent(event)) as Record<string, unknown>;
        if (isOld(index)) for (const field of younger) delete line[field];
        return `${JSON.stringify(line)}\n`;
      })
      .join(''),
  );

export const isOld = (index: number): boolean => index % 3 === 2;
