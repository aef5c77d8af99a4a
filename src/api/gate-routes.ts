import { type Static, Type } from 'typebox';
import { type Fleet, maxGates } from '../limiter/fleet.ts';
import { type GateBeat, isDegraded } from '../limiter/gate-report.ts';
import { type Api, needs, problemResponses } from './routing.ts';

const Count = Type.Integer({ minimum: 0 });
const Instant = Type.String({ format: 'date-time' });

const GateSchema = Type.Object({
  id: Type.String(),
  region: Type.String(),
  service: Type.String({ description: 'What the gate runs in; `up` and `serve` are processes of tidegate itself.' }),
  version: Type.String({ description: 'Of tidegate.' }),
  policyVersion: Type.String(),
  startedAt: Instant,
  lastBeatAt: Instant,
  decisions: Type.Integer({ minimum: 0, description: 'Since it started, as are the next three.' }),
  denied: Count,
  blocked: Count,
  degraded: Type.Integer({ minimum: 0, description: 'Decided without the primary store.' }),
  degradedShare: Type.Number({ minimum: 0, maximum: 1, description: 'Of the decisions of its last second or so.' }),
  blockListAgeMs: Type.Union([Count, Type.Null()], { description: 'Since its list was last known to be complete.' }),
  blockListEntries: Count,
  eventsWaiting: Count,
  eventsLost: Count,
  isDegraded: Type.Boolean({
    description: 'It decides without its store, its block list is old, it has lost events, or its beat is overdue.',
  }),
});

const GatesSchema = Type.Object({
  gates: Type.Array(GateSchema, { maxItems: maxGates, description: 'Those heard last first.' }),
  liveGates: Type.Integer({
    minimum: 1,
    description: 'All that share the limits, gates of earlier releases included.',
  }),
});

type GateView = Static<typeof GateSchema>;

const instantOf = (atMs: number): string => new Date(atMs).toISOString();

const gateView = (beat: GateBeat): GateView => {
  const { gateId, startedAtMs, lastBeatAtMs, beatAgeMs: _, health: _health, ...told } = beat;
  return {
    id: gateId,
    ...told,
    startedAt: instantOf(startedAtMs),
    lastBeatAt: instantOf(lastBeatAtMs),
    isDegraded: isDegraded(beat),
  };
};

/** `GET /v1/gates`: the gates that share these counters, as they say themselves. */
export const gateRoutes = (api: Api, fleet: Fleet): void => {
  api.get(
    '/v1/gates',
    {
      ...needs('viewer', { allTenants: true }),
      schema: {
        operationId: 'listGates',
        summary: 'The gates that share the limits, and how each is doing',
        tags: ['fleet'],
        security: [{ bearer: [] }],
        response: { 200: GatesSchema, ...problemResponses(401, 403, 503) },
      },
    },
    async () => ({ gates: (await fleet.gates()).map(gateView), liveGates: fleet.liveGates() }),
  );
};
