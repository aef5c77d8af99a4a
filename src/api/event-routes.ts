import { type Static, type TSchema, Type } from 'typebox';
import { type Block, blockStates } from '../blocklist/block.ts';
import type { Cursor } from '../blocklist/block-feed.ts';
import type { ChangeLog, LoggedChange } from '../blocklist/change-log.ts';
import { subjectKeyOf } from '../client.ts';
import { isInReach } from '../review/authority.ts';
import type { Reviewer } from '../review/roles.ts';
import { ActionSchema } from './block-view.ts';
import { Instant, instantText } from './fields.ts';
import { cursorFrom, cursorPattern, cursorText } from './list-cursor.ts';
import { GoneFailure } from './problem.ts';
import { type Api, needs, problemResponses } from './routing.ts';

const eventKinds = ['block', 'allow', 'switch', 'mode', 'breaker'] as const;
type EventKind = (typeof eventKinds)[number];

const maxEvents = 500;
/** Changes looked through for one block. */
const mostRead = 5000;

const EventQuery = Type.Object(
  {
    after: Type.Optional(
      Type.String({
        pattern: cursorPattern,
        description: '`nextCursor` of before; default: from the oldest that is kept.',
      }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxEvents, default: 100 })),
    block: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: 'Only of the block with this id.' })),
  },
  { additionalProperties: false },
);

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

const EventSchema = Type.Object({
  cursor: Type.String({ description: 'Where it stands; epoch and number.' }),
  at: Instant,
  kind: Type.Enum([...eventKinds], {
    description: 'A change of a block, of the allow list, of a switch, of the mode of a rule, of a breaker.',
  }),
  blockId: nullable(Type.String()),
  subject: nullable(Type.String({ description: '`ip:203.0.113.9`; of a switch, a rule or a breaker null.' })),
  state: Type.Enum([...blockStates], {
    description: 'After it. What is no block is `active` as long as it holds, and `lifted` from then on.',
  }),
  version: Type.Integer(),
  rule: Type.String({ description: 'Of an allow entry its kind.' }),
  action: nullable(ActionSchema),
  expiresAt: Instant,
  actor: Type.String(),
  reason: Type.String(),
});

type EventView = Static<typeof EventSchema>;

const EventsSchema = Type.Object({
  events: Type.Array(EventSchema, { description: 'Oldest first. May be empty with more to come.' }),
  nextCursor: Type.String({ description: 'For `after`; the same again: there is nothing new.' }),
});

/** What has no block of its own says in its id what it is about. */
const kindOf = (id: string): EventKind => eventKinds.find((kind) => id.startsWith(`${kind}:`)) ?? 'block';

const eventView = ({ sequence, timeMs, block }: LoggedChange, epoch: string): EventView => {
  const kind = kindOf(block.id);
  return {
    cursor: cursorText({ epoch, sequence }),
    at: instantText(timeMs),
    kind,
    blockId: kind === 'block' ? block.id : null,
    subject: kind === 'block' || kind === 'allow' ? subjectKeyOf(block.subject) : null,
    state: block.state,
    version: block.version,
    rule: block.rule,
    action: kind === 'block' ? block.action : null,
    expiresAt: instantText(block.expiresAtMs),
    actor: block.actor,
    reason: block.reason,
  };
};

/** Who is for some tenants sees what is about their subjects, and nothing of what all share. */
const isForEyesOf = (block: Block, tenants: Reviewer['tenants']): boolean =>
  tenants === null || ((kindOf(block.id) === 'block' || kindOf(block.id) === 'allow') && isInReach(block, tenants));

/** Throws 410 where what is behind the cursor is gone, with where to go on. */
const changesAfter = async (changes: ChangeLog, cursor: Cursor | null, most: number) => {
  const answer = await changes.loggedAfter(cursor, most);
  if (answer.kind === 'changes') return answer;
  const lost = answer.lost === 0 ? 'Changes' : `${answer.lost} changes`;
  throw new GoneFailure(
    `${lost} behind this cursor are no longer in the log, or the list was replaced. Older ones are in the audit table \`blocks\`.`,
    { next: `/v1/events?after=${cursorText(answer.cursor)}` },
  );
};

/** What happened to blocks, the allow list, switches, modes and breakers: nothing in it ever changes. */
export const eventRoutes = (api: Api, changes: ChangeLog): void => {
  api.get(
    '/v1/events',
    {
      ...needs('viewer'),
      schema: {
        operationId: 'listEvents',
        summary: 'What happened, oldest first, in an order that never changes',
        tags: ['events'],
        querystring: EventQuery,
        response: { 200: EventsSchema, ...problemResponses(410, 503) },
      },
    },
    async ({ query: { after, limit = 100, block }, reviewer: { tenants } }) => {
      const events: EventView[] = [];
      let cursor = after === undefined ? null : cursorFrom(after);
      for (let read = 0; read < mostRead && events.length < limit; ) {
        const most = block === undefined && tenants === null ? limit : maxEvents;
        const answer = await changesAfter(changes, cursor, most);
        const { epoch } = answer.cursor;
        cursor = answer.cursor;
        for (const change of answer.changes) {
          const isMeant = block === undefined || change.block.id === block;
          if (isMeant && isForEyesOf(change.block, tenants)) events.push(eventView(change, epoch));
          cursor = { epoch, sequence: change.sequence };
          if (events.length === limit) break;
        }
        read += answer.changes.length;
        if (answer.changes.length < most) break;
      }
      return { events, nextCursor: cursorText(cursor ?? { epoch: '', sequence: 0 }) };
    },
  );
};
