import { type BlockSubject, subjectKeyOf } from '../client.ts';
import type { Block } from './block.ts';
import type { Act, AllowEntry } from './block-review.ts';
import type { Breaker, ModeOverride, Switch, Switched } from './block-switches.ts';

/** What is told in the change log of something that has no block of its own. */
interface Notice {
  readonly id: string;
  readonly subject: BlockSubject;
  /** `active` as long as it holds, `lifted` from when it does not. */
  readonly state: 'active' | 'lifted';
  readonly rule: string;
  readonly untilMs: number;
  readonly reason: string;
  readonly actor: string;
}

const noticeOf = (nowMs: number, { untilMs, ...notice }: Notice): Block => ({
  ...notice,
  version: 1,
  action: { kind: 'refuse' },
  origin: notice.actor === 'detector' ? 'detector' : 'person',
  tenant: notice.subject.tenant ?? '',
  ruleHash: '',
  verdictId: '',
  owner: notice.actor,
  blockedAtMs: nowMs,
  expiresAtMs: untilMs,
  strikes: 0,
  evidence: null,
  assignee: '',
  label: null,
});

/** No client's id: these begin with `~` and 43 characters of a digest, or with no `~`. */
const madeUp = (id: string): BlockSubject => ({ kind: 'key', id: `~${id}` });

const joined = (what: string, note: string): string => (note === '' ? what : `${what}: ${note}`);

/** An allow entry was set; `ended`: by whom it was ended. */
export const allowNotice = (nowMs: number, entry: AllowEntry, ended: Act | null = null): Block =>
  noticeOf(nowMs, {
    id: `allow:${subjectKeyOf(entry.subject)}`,
    subject: entry.subject,
    state: ended ? 'lifted' : 'active',
    rule: entry.kind,
    untilMs: ended ? nowMs : entry.untilMs,
    reason: (ended ?? entry).note,
    actor: (ended ?? entry).actor,
  });

/** `off` null: it is switched on again. */
export const switchNotice = (nowMs: number, what: Switched, change: { off: Switch | null; act: Act }): Block =>
  noticeOf(nowMs, {
    id: `switch:${what}`,
    subject: madeUp(`switch:${what}`),
    state: change.off ? 'active' : 'lifted',
    rule: 'panic',
    untilMs: change.off?.untilMs ?? nowMs,
    reason: joined(change.off ? `${what} off` : `${what} on`, change.act.note),
    actor: change.act.actor,
  });

/** The mode of a rule was capped; `ended`: it is the file's again. */
export const overrideNotice = (nowMs: number, override: ModeOverride, ended: Act | null = null): Block =>
  noticeOf(nowMs, {
    id: `mode:${override.rule}`,
    subject: madeUp(`mode:${override.rule}`),
    state: ended ? 'lifted' : 'active',
    rule: override.rule,
    untilMs: ended ? nowMs : override.untilMs,
    reason: joined(ended ? 'mode of the file' : `at most ${override.mode}`, (ended ?? override).note),
    actor: (ended ?? override).actor,
  });

/** A breaker opened, by the detector; or a person reset it. */
export const breakerNotice = (
  nowMs: number,
  breaker: Pick<Breaker, 'rule' | 'state' | 'reason'>,
  actor: string,
): Block =>
  noticeOf(nowMs, {
    id: `breaker:${breaker.rule}`,
    subject: madeUp(`breaker:${breaker.rule}`),
    state: breaker.state === 'open' ? 'active' : 'lifted',
    rule: breaker.rule,
    untilMs: nowMs,
    reason: joined(breaker.state, breaker.reason),
    actor,
  });
