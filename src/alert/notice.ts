import { createHash } from 'node:crypto';
import type { Block } from '../blocklist/block.ts';
import type { LoggedChange } from '../blocklist/change-log.ts';
import { subjectKeyOf } from '../client.ts';

/** What people want to be told of without looking. */
export const noticeKinds = [
  'block.proposed',
  'breaker.opened',
  'rule.demoted',
  'approval.requested',
  'alert.firing',
  'alert.resolved',
] as const;
export type NoticeKind = (typeof noticeKinds)[number];

/** Sent by `tidegate webhooks test` alone. */
export const testKind = 'tidegate.test';

export interface Notice {
  readonly kind: NoticeKind | typeof testKind;
  /** The same for the same event, however often and by whomever it is told. At most 512 characters. */
  readonly id: string;
  /** RFC 3339. */
  readonly at: string;
  /** Bounded; holds no secret. A `tenant` in it is whose it is; without one it is everybody's. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** Whose it is; '': everybody's. */
export const tenantOf = ({ data }: Notice): string => (typeof data['tenant'] === 'string' ? data['tenant'] : '');

/** The `webhook-id`: receivers know by it what they have had. Without what ids of rules may hold. */
export const messageIdOf = (id: string): string =>
  `msg_${createHash('sha256').update(id).digest('base64url').slice(0, 27)}`;

/** What is sent; the same bytes with every try. */
export const bodyOf = ({ kind, at, data }: Notice): string => JSON.stringify({ type: kind, timestamp: at, data });

const proposed = (block: Block, at: string): Notice => {
  const { id, subject, rule, tenant, action, reason, owner, expiresAtMs, evidence } = block;
  return {
    kind: 'block.proposed',
    id: `block.proposed ${id} 1`,
    at,
    data: {
      block: id,
      subject: subjectKeyOf(subject),
      rule,
      tenant: subject.tenant ?? tenant,
      action,
      reason,
      owner,
      wouldEndAt: new Date(expiresAtMs).toISOString(),
      evidence: evidence && {
        denied: evidence.denied,
        allowed: evidence.allowed,
        distinctRoutes: evidence.distinctRoutes,
        firstSeenAt: new Date(evidence.firstSeenAtMs).toISOString(),
        lastSeenAt: new Date(evidence.lastSeenAtMs).toISOString(),
      },
    },
  };
};

const opened = ({ rule, reason }: Block, { timeMs }: LoggedChange, at: string): Notice => ({
  kind: 'breaker.opened',
  id: `breaker.opened ${rule} ${timeMs}`,
  at,
  data: { rule, reason: reason.replace(/^open(?:: )?/, '') },
});

/** What somebody has to be told of a change of the block list; null: nothing. */
export const noticeOfChange = (change: LoggedChange): Notice | null => {
  const { block, timeMs } = change;
  const at = new Date(timeMs).toISOString();
  if (block.id.startsWith('breaker:')) return block.state === 'active' ? opened(block, change, at) : null;
  return block.state === 'proposed' && block.version === 1 ? proposed(block, at) : null;
};
