import type { Block } from '../blocklist/block.ts';
import type { IdentityNote, Promotion, PromotionResult, TrafficNote } from '../blocklist/block-promoter.ts';
import { allRules, breakerAt, budgetAnswer, budgetWindowMs, cappedMode, trafficOf } from '../blocklist/budget.ts';
import { breakerNotice } from '../blocklist/notices.ts';
import {
  actionAtAddress,
  blockDurationMs,
  costOf,
  type DetectedFacts,
  detectedBlock,
  durationTermsOf,
  identityMemoryMs,
  maxIdentitiesPerAddress,
  millionthsOf,
  notedAddressOf,
  overBudgetReason,
  underReviewReason,
  verdictMemoryMs,
} from '../blocklist/promotion.ts';
import { judgedBy } from '../blocklist/steps.ts';
import { subjectKeyOf } from '../client.ts';
import type { ChangeRecords } from './memory-block-list-log.ts';
import { type BlockListState, entryOfBlock } from './memory-block-list-state.ts';

/** What every write works on. */
export interface Book {
  readonly state: BlockListState;
  readonly log: ChangeRecords;
  readonly nowMs: number;
}

/** What becomes of a verdict, in the order in which it is asked. */
export const promote = (book: Book, promotion: Promotion, random: () => number): PromotionResult => {
  const { state, nowMs } = book;
  const { verdict, duration } = promotion;
  const known = state.verdicts.get(verdict.id);
  if (known && known.untilMs > nowMs) return known.value;
  const result = concluded(book, promotion, random);
  const value = 'block' in result ? ({ kind: 'already', blockId: result.block.id } as const) : result;
  state.note(state.verdicts, verdict.id, { value, untilMs: nowMs + duration.maxMs + verdictMemoryMs });
  return result;
};

const suppressed = (reason: Extract<PromotionResult, { kind: 'suppressed' }>['reason']): PromotionResult => ({
  kind: 'suppressed',
  reason,
});

const concluded = (book: Book, promotion: Promotion, random: () => number): PromotionResult => {
  const { state, nowMs } = book;
  const { verdict, duration } = promotion;
  const { subject, rule } = verdict;
  if (nowMs - verdict.atMs >= duration.maxMs) return suppressed('stale');
  const override = state.overrides.get(rule);
  const mode = cappedMode(promotion.mode, override && override.untilMs > nowMs ? override.mode : null);
  if (mode === 'off') return suppressed('off');
  const allowed = state.allowedAtOrBehind(subject, nowMs);
  if (allowed.some(({ kind }) => kind === 'allow')) return suppressed('allow-list');
  if (allowed.length > 0) return suppressed('canary');
  if (state.tombstoneUntilMs(subject, nowMs) !== null) return suppressed('tombstone');
  const [entry] = state.entriesAround(subject, nowMs);
  if (entry) return { kind: 'already', blockId: entry.blockId };
  const identities = state.identitiesOf(subject, nowMs);
  const action = actionAtAddress(promotion, identities);
  if (action === null) return suppressed('shared-address');
  const facts = { action, identities, ...lengthOf(book, promotion, random) };
  if (mode === 'shadow')
    return { kind: 'shadow', block: made(book, promotion, { ...facts, state: 'shadow', reason: '' }) };
  const proposal = state.proposalAround(subject, nowMs);
  if (proposal !== null) return { kind: 'already', blockId: proposal };
  const reason = mode === 'review' ? underReviewReason(rule) : overBudget(book, promotion);
  if (reason !== null)
    return { kind: 'proposed', block: made(book, promotion, { ...facts, state: 'proposed', reason }) };
  return { kind: 'activated', block: made(book, promotion, { ...facts, state: 'active', reason: '' }) };
};

const lengthOf = ({ state, nowMs }: Book, { verdict, duration }: Promotion, random: () => number) => {
  const strikes = state.strikesOf(subjectKeyOf(verdict.subject), nowMs).length + 1;
  const lengthMs = blockDurationMs(durationTermsOf(duration), strikes, millionthsOf(random()));
  return { nowMs, strikes, expiresAtMs: nowMs + lengthMs };
};

/** Why there is no budget for it, after opening the breaker whose budget it is; null: there is. */
const overBudget = (book: Book, promotion: Promotion): string | null => {
  const { state, log, nowMs } = book;
  const { rule } = promotion.verdict;
  const traffic = trafficOf(state.traffic.values(), nowMs);
  const questions = [
    { name: rule, budget: promotion.budget.rule },
    { name: allRules, budget: promotion.budget.all },
  ];
  for (const { name, budget } of questions) {
    const breaker = breakerAt(state.breakers.get(name), nowMs);
    const starts = state.starts.get(name) ?? [];
    const answer = budgetAnswer({ budget, starts, breaker, candidate: costOf(promotion), traffic, nowMs });
    if (answer === 'within') continue;
    const reason = overBudgetReason(name);
    if (answer === 'over') {
      state.breakers.set(name, { state: 'open', sinceMs: nowMs, reason });
      log.append({ kind: 'noted' }, breakerNotice(nowMs, { rule: name, state: 'open', reason }, 'detector'), {
        timeMs: nowMs,
      });
    }
    return reason;
  }
  return null;
};

/** Writes the new block and what it brings with it. */
const made = (book: Book, promotion: Promotion, facts: DetectedFacts): Block => {
  const { state, log, nowMs } = book;
  const block = detectedBlock(promotion, facts);
  const subjectKey = subjectKeyOf(block.subject);
  state.keep(block, nowMs, promotion.duration.strikeTtlMs);
  const by = block.state === 'shadow' ? null : judgedBy(block);
  if (by !== null) {
    const judged = state.judged.get(by) ?? { made: 0, labels: new Map() };
    state.note(state.judged, by, { ...judged, made: judged.made + 1 });
  }
  if (block.state === 'proposed') {
    state.note(state.proposals, subjectKey, { value: block.id, untilMs: block.expiresAtMs });
  }
  if (block.state !== 'active') {
    log.append({ kind: 'noted' }, block, { timeMs: nowMs });
    return block;
  }
  strike(book, block, promotion.duration.strikeTtlMs);
  for (const name of [block.rule, allRules]) {
    const recent = (state.starts.get(name) ?? []).filter(({ atMs }) => atMs > nowMs - budgetWindowMs);
    state.starts.set(name, [...recent, { atMs: nowMs, ...costOf(promotion) }]);
  }
  const entry = entryOfBlock(block);
  state.putEntry(entry);
  log.append({ kind: 'added', entries: [entry] }, block, { timeMs: nowMs });
  return block;
};

/** The block counts against its subject from now on. */
export const strike = ({ state, nowMs }: Book, block: Block, strikeTtlMs: number): void => {
  const subjectKey = subjectKeyOf(block.subject);
  const active = state.strikesOf(subjectKey, nowMs);
  state.note(state.strikes, subjectKey, [...active, { value: block.id, untilMs: nowMs + strikeTtlMs }]);
};

export const noteTraffic = ({ state, nowMs }: Book, notes: readonly TrafficNote[]): void => {
  for (const note of notes) {
    if (note.windowStartMs <= nowMs - budgetWindowMs) continue;
    state.note(state.traffic, `${note.partition} ${note.windowStartMs}`, note);
  }
};

/** What does not fit is left out: more identities at one address than anybody asks about change nothing. */
export const noteIdentities = ({ state, nowMs }: Book, notes: readonly IdentityNote[]): void => {
  for (const { address, clientKey } of notes) {
    const noted = notedAddressOf(address);
    if (noted === null) continue;
    const clients = state.identities.get(noted) ?? new Map<string, number>();
    if (clients.size >= maxIdentitiesPerAddress && !clients.has(clientKey)) {
      for (const [known, untilMs] of clients) if (untilMs <= nowMs) clients.delete(known);
    }
    if (clients.size < maxIdentitiesPerAddress || clients.has(clientKey)) {
      clients.set(clientKey, nowMs + identityMemoryMs);
    }
    state.note(state.identities, noted, clients);
  }
};
