import { type Static, Type } from 'typebox';
import type { BlockEntry, Change, Exemption, SnapshotPage } from '../blocklist/block-feed.ts';
import { type Switch, type Switches, switched } from '../blocklist/block-switches.ts';
import { ActionSchema } from './block-view.ts';
import { Instant, instantText } from './fields.ts';
import { cursorText } from './list-cursor.ts';

export const EntrySchema = Type.Object({
  subject: Type.String({ description: '`ip:203.0.113.9`, `network:203.0.113.0/24`, `acme/user:alice`.' }),
  blockId: Type.String({ description: 'Of an imported entry the id of its list, which many entries share.' }),
  rule: Type.String(),
  expiresAt: Type.String({ format: 'date-time', description: 'From then on it refuses nobody, whether told or not.' }),
  action: ActionSchema,
});

const AllowedSchema = Type.Object({ subject: Type.String(), until: Instant });

const SwitchState = Type.Union([Type.Object({ until: Instant }), Type.Null()], {
  description: 'null: on. Else switched off in every gate until then.',
});

const SwitchesSchema = Type.Object({ blocks: SwitchState, limits: SwitchState });

export const HeadSchema = {
  cursor: Type.String({ description: 'Where the list stands: `after` of the changes.' }),
  switches: SwitchesSchema,
  allowed: Type.Array(AllowedSchema, { description: 'Who is never refused, whatever entry hits them.' }),
};

export const ChangeSchema = Type.Union([
  Type.Object({ kind: Type.Literal('added'), sequence: Type.Integer(), entries: Type.Array(EntrySchema) }),
  Type.Object(
    {
      kind: Type.Literal('removed'),
      sequence: Type.Integer(),
      entries: Type.Array(Type.Object({ subject: Type.String(), blockId: Type.String() })),
    },
    { description: 'An entry goes only while it is still this block’s.' },
  ),
  Type.Object(
    { kind: Type.Literal('allowed'), sequence: Type.Integer(), ...AllowedSchema.properties },
    { description: 'An end that is past: no longer.' },
  ),
  Type.Object({ kind: Type.Literal('switched'), sequence: Type.Integer(), switches: SwitchesSchema }),
  Type.Object(
    { kind: Type.Literal('noted'), sequence: Type.Integer() },
    { description: 'Nothing that enforcers need to know.' },
  ),
]);

export type ChangeView = Static<typeof ChangeSchema>;

export const entryView = (entry: BlockEntry): Static<typeof EntrySchema> => ({
  subject: entry.subjectKey,
  blockId: entry.blockId,
  rule: entry.rule,
  expiresAt: instantText(entry.expiresAtMs),
  action: entry.action,
});

const allowedView = ({ subjectKey, untilMs }: Exemption): Static<typeof AllowedSchema> => ({
  subject: subjectKey,
  until: instantText(untilMs),
});

const stateView = (off: Switch | null): Static<typeof SwitchState> => off && { until: instantText(off.untilMs) };

/** Who switched it off and why is for people. */
const switchesView = (switches: Switches): Static<typeof SwitchesSchema> => {
  const [blocks, limits] = switched.map((what) => stateView(switches[what]));
  return { blocks: blocks ?? null, limits: limits ?? null };
};

export const listHead = (page: SnapshotPage) => ({
  cursor: cursorText(page),
  switches: switchesView(page.switches),
  allowed: page.exemptions.map(allowedView),
});

export const changeView = (change: Change): ChangeView => {
  const { sequence } = change;
  if (change.kind === 'added') return { kind: 'added', sequence, entries: change.entries.map(entryView) };
  if (change.kind === 'removed') {
    const entries = change.entries.map(({ subjectKey, blockId }) => ({ subject: subjectKey, blockId }));
    return { kind: 'removed', sequence, entries };
  }
  if (change.kind === 'exempted') return { kind: 'allowed', sequence, ...allowedView(change.exemption) };
  if (change.kind === 'switched') return { kind: 'switched', sequence, switches: switchesView(change.switches) };
  return { kind: 'noted', sequence };
};
