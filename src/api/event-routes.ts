import { Type } from 'typebox';
import type { DecisionReader } from '../analytics/decision-reader.ts';
import type { ChangeLog } from '../blocklist/change-log.ts';
import { EventReading, maxEvents } from './event-reading.ts';
import { EventSchema } from './event-view.ts';
import { cursorFrom, cursorPattern, cursorText } from './list-cursor.ts';
import { type Api, needs, problemResponses } from './routing.ts';

const EventQuery = Type.Object(
  {
    after: Type.Optional(
      Type.String({
        pattern: cursorPattern,
        description:
          '`nextCursor` of before. With 0 as its number: from the first change of that epoch. Default: from the oldest that the change log keeps; of a block from its first.',
      }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxEvents, default: 100 })),
    block: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: 'Only of the block with this id.' })),
  },
  { additionalProperties: false },
);

const EventsSchema = Type.Object({
  events: Type.Array(EventSchema, { description: 'Oldest first. May be empty with more to come.' }),
  nextCursor: Type.String({ description: 'For `after`; the same again: there is nothing new.' }),
});

export interface EventRoutesOptions {
  readonly changes: ChangeLog;
  /** Of what the change log has dropped. Null: the database is not in reach of this process. */
  readonly reader: DecisionReader | null;
}

/** What happened to blocks, the allow list, switches, modes and breakers: nothing in it ever changes. */
export const eventRoutes = (api: Api, { changes, reader }: EventRoutesOptions): void => {
  api.get(
    '/v1/events',
    {
      ...needs('viewer'),
      schema: {
        operationId: 'listEvents',
        summary: 'What happened, oldest first, in an order that never changes',
        description:
          'From the change log; what is older than that keeps comes from the audit table `blocks`, where the database is in reach. There clients may stand under pseudonyms, as the table has them.',
        tags: ['events'],
        querystring: EventQuery,
        response: { 200: EventsSchema, ...problemResponses(410, 422, 503) },
      },
    },
    async ({ query: { after, limit = 100, block }, reviewer: { tenants } }) => {
      const sources = { changes, stored: reader?.within(tenants) ?? null };
      const from = after === undefined ? null : cursorFrom(after);
      const { events, cursor } = await new EventReading(sources, { after: from, limit, block, tenants }).run();
      return { events: [...events], nextCursor: cursorText(cursor) };
    },
  );
};
