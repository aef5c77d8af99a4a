import type { DecisionEvent } from '../src/event/decision-event.ts';
import { encodeEvent } from '../src/event/event-codec.ts';
import { decisionEvent } from '../test/support/decision-frames.ts';

const minuteMs = 60_000;
/** What is usual is known from the two hours before. */
const hoursBefore = 6;

const places = [
  { tenant: 'acme', route: 'GET /orders/:id', region: 'eu-west', perMinute: 900, share: 0.02 },
  { tenant: 'globex', route: 'POST /login', region: 'eu-west', perMinute: 400, share: 0.04 },
  { tenant: 'initech', route: 'GET /search', region: 'us-east', perMinute: 600, share: 0.06 },
  { tenant: 'umbrella', route: 'GET /orders/:id', region: 'us-east', perMinute: 250, share: 0.01 },
] as const;

/** Clients of one tenant that come back at once when they are denied. */
const storm = { tenant: 'globex', minutes: 18, share: 0.45, clients: 40 } as const;

/** 0 to 1, the same in every run. */
const noise = (seed: number): number => {
  const value = Math.sin(seed * 12.9898) * 43_758.5453;
  return value - Math.floor(value);
};

const minuteOf = (atMs: number, isStorm: boolean): DecisionEvent[] =>
  places.flatMap(({ tenant, route, region, perMinute, share }, index) => {
    const facts = { tenant, route, region, timeMs: atMs + 5000 };
    const seed = (atMs / minuteMs) % 10_000;
    const isHit = isStorm && tenant === storm.tenant;
    const total = Math.round(perMinute * (0.8 + 0.4 * noise(seed * 7 + index))) * (isHit ? 2 : 1);
    const denied = Math.round(total * (isHit ? storm.share : share * (0.6 + 0.8 * noise(seed * 13 + index))));
    const clients = isHit ? storm.clients : 5;
    const each = Math.max(1, Math.round(denied / clients));
    return [
      decisionEvent({ ...facts, count: total - denied, latencyUs: 300, remaining: 30 }),
      decisionEvent({ ...facts, count: Math.round(total / 40), latencyUs: 2500, remaining: 30 }),
      decisionEvent({ ...facts, outcome: 'blocked', source: 'block-list', count: 12, latencyUs: 4 }),
      ...Array.from({ length: clients }, (_, client) =>
        decisionEvent({
          ...{ ...facts, client: `198.51.100.${client}`, outcome: 'denied', latencyUs: 250 },
          ...{ count: each, early: isHit ? Math.round(each * 0.8) : 0 },
        }),
      ),
    ];
  });

/** As stored lines: six usual hours up to `untilMs`, and at their end a retry storm that goes on. */
export const pictureLines = (untilMs: number, stormMinutes: number = storm.minutes): Buffer => {
  const minutes = hoursBefore * 60;
  const events = Array.from({ length: minutes }, (_, minute) => {
    const left = minutes - minute;
    return minuteOf(untilMs - left * minuteMs, left <= stormMinutes);
  }).flat();
  const lineOf = (event: DecisionEvent, index: number): string =>
    `${encodeEvent({ ...event, emitter: 'gate-1', seq: index + 1 })}\n`;
  return Buffer.from(events.map(lineOf).join(''));
};
