import { type Static, Type } from 'typebox';
import type { AllowEntry, BlockReview } from '../blocklist/block-review.ts';
import { type BlockSubject, subjectKeyOf } from '../client.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { allowOverstep } from '../review/authority.ts';
import type { Reviewer } from '../review/roles.ts';
import { namingFields, oversteps } from './block-refusal.ts';
import { EndingBody, EndingQuery, endingNote } from './ending-note.ts';
import { Instant, InstantInput, instantFrom, instantText, Note, SubjectText, subjectFrom } from './fields.ts';
import { RequestFailure } from './problem.ts';
import { type Api, needs, problemResponses } from './routing.ts';

const closed = { additionalProperties: false } as const;
const Kind = Type.Enum(['allow', 'canary'], {
  description: '`canary`: declared good; a candidate that would hit it is refused, and that is told.',
});

const AllowSchema = Type.Object({
  subject: Type.String({ description: '`ip:203.0.113.9`, `acme/user:alice`.' }),
  kind: Kind,
  until: Instant,
  note: Type.String(),
  actor: Type.String({ description: 'Who made it.' }),
});

type AllowView = Static<typeof AllowSchema>;

const AllowListSchema = Type.Object({
  entries: Type.Array(AllowSchema, { description: 'In force, soonest end first.' }),
  nextCursor: Type.Union([Type.String(), Type.Null()]),
});

const AllowQuery = Type.Object(
  {
    subject: Type.Optional(SubjectText),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 500 })),
    cursor: Type.Optional(
      Type.String({ pattern: '^\\d{1,15}\\.[A-Za-z0-9_-]{1,800}$', description: '`nextCursor` of the page before.' }),
    ),
  },
  closed,
);

const AllowBody = Type.Object(
  {
    subject: SubjectText,
    kind: Type.Optional(Type.Enum(['allow', 'canary'], { default: 'allow' })),
    until: InstantInput('When it ends: at most 366 days ahead.'),
    note: Note,
  },
  closed,
);

const allowView = ({ subject, kind, untilMs, note, actor }: AllowEntry): AllowView => ({
  subject: subjectKeyOf(subject),
  kind,
  until: instantText(untilMs),
  note,
  actor,
});

const isSeenBy = ({ subject }: AllowEntry, tenants: Reviewer['tenants']): boolean =>
  tenants === null || (subject.tenant !== undefined && tenants.includes(subject.tenant));

/** Where an entry stands among those that are sorted by their end. */
interface Place {
  readonly untilMs: number;
  readonly key: string;
}

const placeOf = ({ untilMs, subject }: AllowEntry): Place => ({ untilMs, key: subjectKeyOf(subject) });

const isBehind = (one: Place, other: Place): boolean =>
  one.untilMs > other.untilMs || (one.untilMs === other.untilMs && one.key > other.key);

const placeText = ({ untilMs, key }: Place): string => `${untilMs}.${Buffer.from(key).toString('base64url')}`;

const placeFrom = (text: string): Place => {
  const dot = text.indexOf('.');
  return { untilMs: Number(text.slice(0, dot)), key: Buffer.from(text.slice(dot + 1), 'base64url').toString() };
};

const pageOf = (entries: readonly AllowEntry[], limit: number, cursor: string | undefined) => {
  const after = cursor === undefined ? null : placeFrom(cursor);
  const sorted = [...entries].sort((a, b) => (isBehind(placeOf(a), placeOf(b)) ? 1 : -1));
  const left = after === null ? sorted : sorted.filter((entry) => isBehind(placeOf(entry), after));
  const told = left.slice(0, limit);
  const last = told.at(-1);
  const nextCursor = last !== undefined && told.length < left.length ? placeText(placeOf(last)) : null;
  return { entries: told.map(allowView), nextCursor };
};

export interface AllowRoutesOptions {
  readonly list: Pick<BlockReview, 'allow' | 'disallow' | 'allowEntries'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const readAllow = (api: Api, list: AllowRoutesOptions['list']): void => {
  api.get(
    '/v1/allow',
    {
      ...needs('viewer'),
      schema: {
        operationId: 'listAllowEntries',
        summary: 'Who must not be blocked, soonest end first',
        tags: ['allow list'],
        querystring: AllowQuery,
        response: { 200: AllowListSchema, ...problemResponses(503) },
      },
    },
    async ({ query: { subject, limit = 500, cursor }, reviewer: { tenants } }) => {
      const key = subject === undefined ? null : subjectKeyOf(subjectFrom(subject, 'query.subject'));
      const seen = (await list.allowEntries()).filter((entry) => isSeenBy(entry, tenants));
      return pageOf(key === null ? seen : seen.filter((entry) => subjectKeyOf(entry.subject) === key), limit, cursor);
    },
  );
};

/** Throws 403 where it is more than the role may do. */
const checkAllowed = (reviewer: Reviewer, subject: BlockSubject, forMs: number): void => {
  const overstep = allowOverstep(reviewer, { subject, forMs });
  if (overstep) throw oversteps(overstep);
};

type EntryParts = Pick<AllowRoutesOptions, 'list' | 'clock'> & { readonly reviewer: Reviewer };

/** The one there is. Throws 403 where it lasts longer than the role may choose: to replace it ends it as well. */
const entryOf = async (
  { list, clock, reviewer }: EntryParts,
  subject: BlockSubject,
): Promise<AllowEntry | undefined> => {
  const key = subjectKeyOf(subject);
  const entry = (await list.allowEntries()).find((one) => subjectKeyOf(one.subject) === key);
  if (entry) checkAllowed(reviewer, subject, entry.untilMs - clock.nowMs());
  return entry;
};

/** Read, make and end allow entries. */
export const allowRoutes = (api: Api, { list, clock, logger }: AllowRoutesOptions): void => {
  readAllow(api, list);
  api.post(
    '/v1/allow',
    {
      ...needs('reviewer'),
      schema: {
        operationId: 'allow',
        summary: 'Let nobody block a subject; what blocks it now ends at once',
        description:
          'One entry per subject: a second replaces the first. A reviewer may allow single subjects for a week.',
        tags: ['allow list'],
        body: AllowBody,
        response: { 201: AllowSchema, ...problemResponses(503) },
      },
    },
    async ({ body, reviewer }, reply) => {
      const subject = subjectFrom(body.subject, 'body.subject');
      const untilMs = instantFrom(body.until, 'body.until');
      checkAllowed(reviewer, subject, untilMs - clock.nowMs());
      await entryOf({ list, clock, reviewer }, subject);
      const entry: AllowEntry = { subject, kind: body.kind ?? 'allow', untilMs, note: body.note, actor: reviewer.name };
      await namingFields(() => list.allow(entry));
      logger.info({ subject: subjectKeyOf(subject), kind: entry.kind, actor: reviewer.name }, 'subject allowed');
      return reply.code(201).send(allowView(entry));
    },
  );
  endAllow(api, { list, clock, logger });
};

const endAllow = (api: Api, { list, clock, logger }: AllowRoutesOptions): void => {
  api.delete(
    '/v1/allow',
    {
      ...needs('reviewer'),
      schema: {
        operationId: 'disallow',
        summary: 'End an allow entry: from now on the subject can be blocked',
        tags: ['allow list'],
        querystring: Type.Object({ subject: SubjectText, ...EndingQuery }, closed),
        body: EndingBody,
        response: { 204: { description: 'It has ended', type: 'null' }, ...problemResponses(404, 503) },
      },
    },
    async ({ query, body, reviewer }, reply) => {
      const subject = subjectFrom(query.subject, 'query.subject');
      const note = endingNote(query, body);
      const key = subjectKeyOf(subject);
      checkAllowed(reviewer, subject, 0);
      const entry = await entryOf({ list, clock, reviewer }, subject);
      const ended =
        entry !== undefined && (await namingFields(() => list.disallow(subject, { actor: reviewer.name, note })));
      if (!ended) throw new RequestFailure('not-found', `There is no allow entry of ${key}.`);
      logger.info({ subject: key, actor: reviewer.name }, 'allow entry ended');
      return reply.code(204).send(null);
    },
  );
};
