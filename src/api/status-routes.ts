import { type Static, Type } from 'typebox';
import { promotionModes } from '../blocklist/block-promoter.ts';
import type { Api } from './routing.ts';

const Count = Type.Integer({ minimum: 0 });

const Until = Type.Union([Type.String({ format: 'date-time' }), Type.Null()]);
const Mode = Type.Enum([...promotionModes]);

const RuleStatus = Type.Object({
  rule: Type.String({ description: '`*`: all rules together.' }),
  mode: Type.Union([Mode, Type.Null()], { description: 'Of the file; null: the rule file is not in this process.' }),
  cap: Type.Union([Mode, Type.Null()], { description: 'The most that an operator lets it do for now.' }),
  breaker: Type.Enum(['closed', 'open', 'half-open'], { description: 'open: over its budget, it only proposes.' }),
});

export const StatusSchema = Type.Object({
  version: Type.String(),
  region: Type.String(),
  phase: Type.Enum(['starting', 'running', 'draining']),
  uptimeMs: Count,
  gate: Type.Object({
    decisions: Count,
    allowed: Count,
    denied: Count,
    blocked: Count,
    degraded: Count,
    storeCommandsSaved: Count,
    storeBytesSaved: Count,
    switchedOff: Type.Integer({ minimum: 0, description: 'Let through while the limits were switched off.' }),
    policyVersion: Type.String(),
  }),
  fleet: Type.Object({
    liveGates: Type.Integer({ minimum: 1, description: 'Gates that share the limits, this one among them.' }),
    policyVersions: Type.Record(Type.String(), Count, { description: 'How many of them run each version.' }),
    ageMs: Type.Union([Count, Type.Null()], { description: 'Since the counter store last said so.' }),
  }),
  blockList: Type.Object({
    entries: Count,
    ageMs: Type.Union([Count, Type.Null()], { description: 'Since the list was last known to be complete.' }),
  }),
  events: Type.Object({
    recorded: Type.Integer({ description: 'Decisions handed to the event log by this process, checks included.' }),
    sent: Count,
    waiting: Count,
    lost: Count,
  }),
  ingest: Type.Union([Type.Object({ lagRecords: Count }), Type.Null()], { description: 'null: not in this process.' }),
  stored: Type.Union(
    [
      Type.Object({
        decisions: Count,
        newestAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
        freshnessMs: Type.Union([Count, Type.Null()], { description: 'Age of the newest stored decision.' }),
      }),
      Type.Null(),
    ],
    { description: 'What the database holds; null: it is not in reach of this process.' },
  ),
  abuse: Type.Union(
    [
      Type.Object({
        switchedOff: Type.Object(
          { blocks: Until, limits: Until },
          { description: 'Until when an operator has switched it off in every gate; null: it is on.' },
        ),
        rules: Type.Array(RuleStatus),
        refusals: Type.Object(
          { refused: Count, savedCommands: Count, savedBytes: Count },
          { description: 'What all blocks kept away from the counter store, at all gates.' },
        ),
      }),
      Type.Null(),
    ],
    { description: 'null: the block list is not in reach of this process.' },
  ),
});

/** How a process is doing. It names no client and no tenant: the route needs no token. */
export type Status = Static<typeof StatusSchema>;

export const statusRoutes = (api: Api, status: () => Promise<Status>): void => {
  api.get(
    '/v1/status',
    {
      schema: {
        operationId: 'status',
        summary: 'What this process decided, and how far each part behind it is',
        tags: ['status'],
        response: { 200: StatusSchema },
      },
    },
    () => status(),
  );
};
