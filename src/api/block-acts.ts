import { type Static, Type } from 'typebox';
import { longestMs } from '../blocklist/checks.ts';
import type { DeskAct } from '../review/desk.ts';
import { ActionSchema } from './block-view.ts';
import { InstantInput, instantFrom, maxNoteLength, Note } from './fields.ts';
import { invalidField } from './problem.ts';

const OptionalNote = Type.Optional(
  Type.String({ maxLength: maxNoteLength, description: 'Why, for whoever looks at it later.' }),
);
const LiftReason = Type.Enum(['false-positive', 'goodwill'], { description: 'Why the client is let back in.' });
const TombstoneMs = Type.Integer({
  minimum: 0,
  maximum: longestMs,
  description: 'How long the detector cannot make it again. Default a day.',
});
const Assignee = Type.Union([Type.String({ minLength: 1, maxLength: 128 }), Type.Null()], {
  description: 'Who takes it on; null: nobody.',
});

const End = Type.Union([InstantInput('When it ends.'), Type.Null()], {
  description: 'null: as long as anything may last, 366 days; a second lead has to agree.',
});

export const closed = { additionalProperties: false } as const;

/** The body of each act, by its name in the path. */
export const actBodies = {
  confirm: Type.Object({ note: OptionalNote }, closed),
  activate: Type.Object({ note: Note }, closed),
  lift: Type.Object({ reason: LiftReason, note: Note, tombstoneMs: Type.Optional(TombstoneMs) }, closed),
  extend: Type.Object({ until: End, note: Note }, closed),
  downgrade: Type.Object({ action: ActionSchema, note: Note }, closed),
  assign: Type.Object({ assignee: Assignee, note: OptionalNote }, closed),
  undo: Type.Object({ note: OptionalNote }, closed),
};

export type ActBodies = { readonly [Name in keyof typeof actBodies]: Static<(typeof actBodies)[Name]> };

const endFrom = (until: string | null): number => {
  if (until === null)
    throw invalidField('body.until', 'must be an instant: what never ends is for one block at a time');
  return instantFrom(until, 'body.until');
};

/** What each act means to the desk. */
export const acts: { readonly [Name in keyof ActBodies]: (body: ActBodies[Name]) => DeskAct } = {
  confirm: ({ note = '' }) => ({ kind: 'confirm', note }),
  activate: ({ note }) => ({ kind: 'activate', note }),
  lift: ({ reason, note, tombstoneMs }) => ({
    kind: 'lift',
    reason,
    note,
    ...(tombstoneMs === undefined ? {} : { tombstoneMs }),
  }),
  extend: ({ until, note }) => ({ kind: 'extend', untilMs: endFrom(until), note }),
  downgrade: ({ action, note }) => ({ kind: 'change-action', action, note }),
  assign: ({ assignee, note = '' }) => ({ kind: 'assign', assignee: assignee ?? '', note }),
  undo: ({ note = '' }) => ({ kind: 'undo', note }),
};

/** The fields of all acts, for what may be any of them. */
export const ActionFields = {
  reason: Type.Optional(LiftReason),
  note: Type.Optional(Note),
  until: Type.Optional(actBodies.extend.properties.until),
  action: Type.Optional(ActionSchema),
  assignee: Type.Optional(Assignee),
  tombstoneMs: Type.Optional(TombstoneMs),
};
