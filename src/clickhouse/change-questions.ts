import type { BlockChangesQuery, StoredChange, StoredLog } from '../analytics/stored-changes.ts';
import { type BlockSubject, type SubjectKind, subjectKeyOf } from '../client.ts';
import type { Asking } from './decision-questions.ts';
import type { Count } from './outcome-sums.ts';
import { bounded } from './question-rows.ts';

const mostLogs = 1000;

export const askChangeLogs = async ({ reach, questions }: Asking): Promise<readonly StoredLog[]> => {
  const { from, params } = reach.ofChangeLogs();
  const rows = await questions.select<{ log: string; up_to: Count }>(
    `SELECT toString(r.emitter) AS log, max(r.seq) AS up_to FROM ${from}
     GROUP BY log ORDER BY min(r.time), log LIMIT {most:UInt32}`,
    { ...params, most: mostLogs },
  );
  return rows.map(({ log, up_to }) => ({ emitter: log, upTo: Number(up_to) }));
};

type Numbers = Record<'position' | 'at' | 'ends_at' | 'version' | 'action_limit' | 'action_window', Count>;
type Texts = Record<
  | 'block_id'
  | 'client'
  | 'state'
  | 'rule'
  | 'actor'
  | 'reason'
  | 'within'
  | 'about'
  | 'origin'
  | 'verdict'
  | 'action_kind',
  string
>;
type ChangeRow = Numbers & Texts & { readonly client_kind: SubjectKind };

/** The tenant of the row may be where the evidence is from: that the subject is limited to it stands apart. */
const subjectOf = ({ within: tenant, client_kind: kind, client: id }: ChangeRow): BlockSubject => {
  return tenant === '' ? { kind, id } : { kind, id, tenant };
};

/** Under a pseudonym the id of what has no block of its own no longer says what it is about. */
const idOf = (row: ChangeRow): string => {
  if (row.block_id[0] !== '~') return row.block_id;
  const isAllowed = (row.rule === 'allow' || row.rule === 'canary') && row.verdict === '' && row.origin !== 'list';
  if (row.about !== '') return row.about;
  return isAllowed ? `allow:${subjectKeyOf(subjectOf(row))}` : row.block_id;
};

const changeOf = (row: ChangeRow): StoredChange => ({
  sequence: Number(row.position),
  atMs: Number(row.at),
  blockId: idOf(row),
  subject: subjectOf(row),
  state: row.state,
  version: Number(row.version),
  rule: row.rule,
  action:
    row.action_kind === 'limit'
      ? { kind: 'limit', limit: Number(row.action_limit), windowMs: Number(row.action_window) }
      : { kind: 'refuse' },
  expiresAtMs: Number(row.ends_at),
  actor: row.actor,
  reason: row.reason,
});

export const askBlockChanges = async (
  { reach, questions }: Asking,
  query: BlockChangesQuery,
): Promise<readonly StoredChange[]> => {
  const limit = bounded('limit', query.limit, 1000);
  const { from, params } = reach.ofChanges(query);
  // Positions first: evidence is nearly all that there is to read, and only that of the page is.
  const rows = await questions.select<ChangeRow>(
    `SELECT r.seq AS position, toUnixTimestamp64Milli(r.time) AS at, r.block_id AS block_id,
       toString(r.client_kind) AS client_kind, r.client AS client, toString(r.state) AS state, r.version AS version,
       toString(r.rule) AS rule, toUnixTimestamp64Milli(r.expires_at) AS ends_at, toString(r.actor) AS actor,
       r.reason AS reason, JSONExtractString(r.evidence, 'within') AS within,
       JSONExtractString(r.evidence, 'about') AS about,
       JSONExtractString(r.evidence, 'origin') AS origin, r.verdict_id AS verdict,
       JSONExtractString(r.evidence, 'action', 'kind') AS action_kind,
       JSONExtractUInt(r.evidence, 'action', 'limit') AS action_limit,
       JSONExtractUInt(r.evidence, 'action', 'windowMs') AS action_window
     FROM ${from} AND r.seq IN (SELECT r.seq FROM ${from} ORDER BY r.seq LIMIT {limit:UInt32})
     ORDER BY position LIMIT {limit:UInt32}`,
    { ...params, limit },
  );
  return rows.map(changeOf);
};
