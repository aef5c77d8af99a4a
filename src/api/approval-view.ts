import { type Static, Type } from 'typebox';
import { subjectKeyOf } from '../client.ts';
import type { Approval } from '../review/approvals.ts';
import { ActionSchema } from './block-view.ts';
import { Instant, instantText } from './fields.ts';

const InstantOrNull = (description: string) => Type.Union([Instant, Type.Null()], { description });

export const ApprovalSchema = Type.Object({
  id: Type.String(),
  what: Type.Object({
    kind: Type.Enum(['create', 'extend']),
    subject: Type.String({ description: '`ip:203.0.113.9`, `acme/user:alice`.' }),
    blockId: Type.Union([Type.String(), Type.Null()], { description: 'The block that is to last longer.' }),
    action: ActionSchema,
    until: InstantOrNull('null: as long as anything may last, 366 days from when it is agreed.'),
    reason: Type.String(),
    note: Type.String(),
  }),
  by: Type.String(),
  at: Instant,
  expiresAt: Instant,
  state: Type.Enum(['open', 'approved', 'rejected', 'expired']),
  decidedBy: Type.String({ description: "'': nobody yet." }),
  decidedAt: InstantOrNull('null: not yet.'),
  decisionNote: Type.String(),
  blockId: Type.Union([Type.String(), Type.Null()], { description: 'What came of it.' }),
  problem: Type.String({ description: "Why nothing came of it although it was approved; ''." }),
});

export type ApprovalView = Static<typeof ApprovalSchema>;

const instantOrNull = (atMs: number | null): string | null => (atMs === null ? null : instantText(atMs));

export const approvalView = (approval: Approval): ApprovalView => {
  const { what, atMs, expiresAtMs, decidedAtMs, ...rest } = approval;
  const { kind, subject, blockId, action, untilMs, reason, note } = what;
  return {
    ...rest,
    what: {
      kind,
      subject: subjectKeyOf(subject),
      blockId: blockId === '' ? null : blockId,
      action,
      until: instantOrNull(untilMs),
      reason,
      note,
    },
    at: instantText(atMs),
    expiresAt: instantText(expiresAtMs),
    decidedAt: instantOrNull(decidedAtMs),
  };
};

/** The answer where a second person is asked for. */
export const AskedSchema = Type.Object(
  { approval: ApprovalSchema },
  { description: 'A second person has to agree, within a day.' },
);
