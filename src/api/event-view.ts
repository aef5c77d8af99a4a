import { type Static, type TSchema, Type } from 'typebox';
import type { StoredChange } from '../analytics/stored-changes.ts';
import { blockStates } from '../blocklist/block.ts';
import type { LoggedChange } from '../blocklist/change-log.ts';
import { subjectKeyOf } from '../client.ts';
import { wordsOf } from '../detect/change-row.ts';
import { ActionSchema } from './block-view.ts';
import { Instant, instantText } from './fields.ts';
import { cursorText } from './list-cursor.ts';

const eventKinds = ['block', 'allow', 'switch', 'mode', 'breaker'] as const;
export type EventKind = (typeof eventKinds)[number];

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const EventSchema = Type.Object({
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
  actor: Type.String({ description: 'Who made the change.' }),
  reason: Type.String({ description: 'Of a comment what it says.' }),
});

export type EventView = Static<typeof EventSchema>;

/** What has no block of its own says in its id what it is about. */
export const kindOf = (id: string): EventKind => eventKinds.find((kind) => id.startsWith(`${kind}:`)) ?? 'block';

/** A change of an epoch; null: it is of a later release, in a state that this one does not know. */
export const storedEventView = (change: StoredChange, epoch: string): EventView | null => {
  const kind = kindOf(change.blockId);
  const state = blockStates.find((known) => known === change.state);
  if (state === undefined) return null;
  return {
    cursor: cursorText({ epoch, sequence: change.sequence }),
    at: instantText(change.atMs),
    kind,
    blockId: kind === 'block' ? change.blockId : null,
    subject: kind === 'block' || kind === 'allow' ? subjectKeyOf(change.subject) : null,
    state,
    version: change.version,
    rule: change.rule,
    action: kind === 'block' ? change.action : null,
    expiresAt: instantText(change.expiresAtMs),
    actor: change.actor,
    reason: change.reason,
  };
};

/** The same of a change that the log still holds. */
export const eventView = (change: LoggedChange, epoch: string): EventView | null => {
  const { block, sequence, timeMs } = change;
  return storedEventView({ ...block, ...wordsOf(change), blockId: block.id, sequence, atMs: timeMs }, epoch);
};
