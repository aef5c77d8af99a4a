/** What people want to be told of without looking. */
export const reviewNoticeKinds = ['block.proposed', 'breaker.opened', 'rule.demoted', 'approval.requested'] as const;
export type ReviewNoticeKind = (typeof reviewNoticeKinds)[number];

export interface ReviewNotice {
  readonly kind: ReviewNoticeKind;
  /** The same for the same event, however often it is told: whoever passes it on may drop the second. */
  readonly id: string;
  /** RFC 3339. */
  readonly at: string;
  /** Bounded; holds no secret. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** Takes a notice to pass it on. A rejection is logged by the caller, and nothing depends on it. */
export type Notify = (notice: ReviewNotice) => Promise<void>;
