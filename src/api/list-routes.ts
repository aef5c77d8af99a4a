import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import type { BlockFeed, Cursor } from '../blocklist/block-feed.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { cursorFrom, cursorPattern, cursorText } from './list-cursor.ts';
import { contentTypes, endsAreTold, type ListFormat, listFormats, writerFor } from './list-formats.ts';
import { Snapshots } from './list-stream.ts';
import { ChangeSchema, changeView, EntrySchema, HeadSchema } from './list-views.ts';
import { ListWatch } from './list-watch.ts';
import { GoneFailure, invalidField } from './problem.ts';
import { type Api, needs, problemResponses } from './routing.ts';

const closed = { additionalProperties: false } as const;

const SnapshotQuery = Type.Object(
  {
    format: Type.Optional(
      Type.Enum([...listFormats], {
        default: 'json',
        description:
          '`json` and `ndjson` hold everything; `text`, `nginx` (allow and deny), `nginx-geo`, `haproxy` (a map) and `envoy` ' +
          '(an RBAC filter) hold addresses and networks, and end with how many others they leave out.',
      }),
    ),
  },
  closed,
);

const SnapshotHeaders = Type.Object({
  'if-none-match': Type.Optional(
    Type.String({ maxLength: 1024, description: 'The ETag of the last snapshot: 304 while nothing has changed.' }),
  ),
});

const maxWaitS = 20;

const ChangesQuery = Type.Object(
  {
    after: Type.String({
      pattern: cursorPattern,
      description: 'A `cursor` of before.',
      examples: ['memory-1750000000000-0.12'],
    }),
    wait: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: maxWaitS,
        default: 0,
        description: 'Seconds to wait for a change while there is none.',
      }),
    ),
  },
  closed,
);

const Snapshot = Type.Object({ ...HeadSchema, entries: Type.Array(EntrySchema) });
/** A discovery response with an RBAC filter in it, as `envoy` writes it. */
const EnvoySchema = Type.Object({ resources: Type.Array(Type.Object({})), version_info: Type.String() });

const ChangesSchema = Type.Object({
  cursor: Type.String({ description: 'Where to go on.' }),
  changes: Type.Array(ChangeSchema, { description: 'At most 50, oldest first: ask again until there are none.' }),
});

const changesPerAnswer = 50;
/** A file that does not tell when entries end is not taken for new for longer than this. */
const freshMs = 60_000;

/** Of a list at a position; of a file that grows old by itself also the minute. */
const tagOf = (cursor: Cursor, format: ListFormat, nowMs: number): string =>
  endsAreTold(format) ? `"${cursorText(cursor)}"` : `"${cursorText(cursor)}-${Math.floor(nowMs / freshMs)}"`;

const tag = new RegExp(`(?:^|,)\\s*(?:W/)?"(${cursorPattern.slice(1, -1)})(-\\d{1,12})?"`);

const isCurrent = async (feed: BlockFeed, cursor: Cursor): Promise<boolean> => {
  const answer = await feed.changesAfter(cursor, 1);
  return answer.kind === 'changes' && answer.changes.length === 0;
};

/** The position that the tag names, when the list is there still. */
const unchangedSince = async (feed: BlockFeed, header: string, at: { format: ListFormat; nowMs: number }) => {
  const cursor = cursorFrom(tag.exec(header)?.[1] ?? '');
  if (cursor === null || !header.includes(tagOf(cursor, at.format, at.nowMs))) return null;
  return (await isCurrent(feed, cursor)) ? cursor : null;
};

const markedWith = (reply: FastifyReply, cursor: Cursor, etag: string): FastifyReply =>
  reply.header('etag', etag).header('tidegate-cursor', cursorText(cursor)).header('vary', 'authorization');

export interface ListRoutesOptions {
  readonly feed: BlockFeed;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The block list for those who enforce it without a gate. */
export const listRoutes = (api: Api, { feed, clock, logger }: ListRoutesOptions): void => {
  const snapshots = new Snapshots(feed, clock);
  const watch = new ListWatch({ feed, clock, logger });
  api.addHook('preClose', () => watch.stop());
  snapshotRoute(api, { feed, clock, snapshots });
  changesRoute(api, { feed, watch });
};

interface SnapshotParts {
  readonly feed: BlockFeed;
  readonly clock: Clock;
  readonly snapshots: Snapshots;
}

const snapshotRoute = (api: Api, { feed, clock, snapshots }: SnapshotParts): void => {
  const text = { schema: Type.String() };
  api.get(
    '/v1/list/snapshot',
    {
      ...needs('enforcer', { allTenants: true }),
      schema: {
        operationId: 'listSnapshot',
        summary: 'Everything that is in force, as one consistent reading',
        description:
          'Streamed. An answer that breaks off is no list: keep the one you have. Files for proxies get a new ETag every minute, ' +
          'since blocks end without a change.',
        tags: ['list'],
        querystring: SnapshotQuery,
        headers: SnapshotHeaders,
        response: {
          200: {
            description: 'The list',
            headers: {
              etag: Type.String({ description: 'For If-None-Match.' }),
              'tidegate-cursor': Type.String({ description: 'For `after` of the changes.' }),
            },
            content: {
              'application/json': { schema: Type.Union([Snapshot, EnvoySchema]) },
              'application/x-ndjson': text,
              'text/plain': text,
            },
          },
          304: { description: 'Nothing has changed', type: 'null' },
          ...problemResponses(503),
        },
      },
    },
    async ({ query: { format = 'json' }, headers }, reply) => {
      const nowMs = clock.nowMs();
      const ifNoneMatch = headers['if-none-match'];
      const same = ifNoneMatch === undefined ? null : await unchangedSince(feed, ifNoneMatch, { format, nowMs });
      if (same !== null)
        return markedWith(reply, same, tagOf(same, format, nowMs))
          .code(304)
          .send();
      const { first, stream } = await snapshots.open(writerFor(format));
      return markedWith(reply, first, tagOf(first, format, nowMs))
        .type(contentTypes[format])
        .send(stream);
    },
  );
};

const changesRoute = (api: Api, { feed, watch }: { readonly feed: BlockFeed; readonly watch: ListWatch }): void => {
  const changesAfter = async (cursor: Cursor) => {
    const answer = await feed.changesAfter(cursor, changesPerAnswer);
    if (answer.kind === 'changes') return answer;
    const detail =
      'The list was replaced, or what followed is no longer kept: take a snapshot and go on from its cursor.';
    throw new GoneFailure(detail, { snapshot: '/v1/list/snapshot' });
  };
  api.get(
    '/v1/list/changes',
    {
      ...needs('enforcer', { allTenants: true }),
      schema: {
        operationId: 'listChanges',
        summary: 'What changed since a snapshot or an earlier answer',
        tags: ['list'],
        querystring: ChangesQuery,
        response: { 200: ChangesSchema, ...problemResponses(410, 503) },
      },
    },
    async ({ query: { after, wait = 0 } }, reply) => {
      const cursor = cursorFrom(after);
      if (cursor === null) throw invalidField('query.after', 'must be a cursor');
      let answer = await changesAfter(cursor);
      if (answer.changes.length === 0 && wait > 0) {
        const waiting = watch.wait(cursor, wait * 1000);
        reply.raw.once('close', waiting.cancel);
        await waiting.done;
        reply.raw.off('close', waiting.cancel);
        answer = await changesAfter(cursor);
      }
      return { cursor: cursorText(answer.cursor), changes: answer.changes.map(changeView) };
    },
  );
};
