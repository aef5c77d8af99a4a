import type {
  BlockBudget,
  BlockPromoter,
  IdentityNote,
  Promotion,
  PromotionResult,
  TrafficNote,
} from '../blocklist/block-promoter.ts';
import { suppressions } from '../blocklist/block-promoter.ts';
import { allRules, overBudgetReason } from '../blocklist/budget.ts';
import {
  blockIdOf,
  costOf,
  durationTermsOf,
  millionthsOf,
  notedAddressOf,
  underReviewReason,
  verdictMemoryMs,
} from '../blocklist/promotion.ts';
import { actionText, blockFromReply, fixedPartOf } from './block-record.ts';
import { type BlockScripts, brokenReply } from './block-scripts.ts';
import { addressesOf, identityDigest, placed, protectors } from './block-subject.ts';

const notesPerCall = 1000;
/** A hash of more fields is no packed list any more. More behind one /24 or /64 need not be told apart. */
const identitiesPerNetwork = 128;
/** At most 40 MB where every one of them is full; most have one or two. */
const networksWithIdentities = 20_000;
const million = 1_000_000;

const budgetTerms = (rule: string, budget: BlockBudget) => ({
  blocksPerHour: budget.blocksPerHour,
  blocksPerMinute: budget.blocksPerMinute,
  requestShare: Math.round(budget.requestShare * million),
  clientShare: Math.round(budget.clientShare * million),
  reason: overBudgetReason(rule),
});

const askedOf = (promotion: Promotion, random: number) => {
  const { verdict, duration, mode, shared, budget, owner, action } = promotion;
  const { subject, rule } = verdict;
  const { baseMs, factorThousandths, maxMs, jitterMillionths } = durationTermsOf(duration);
  return {
    id: blockIdOf(promotion),
    verdict: verdict.id,
    rule,
    atMs: verdict.atMs,
    mode,
    fixed: fixedPartOf({ ...verdict, owner, origin: 'detector', verdictId: verdict.id }),
    action: actionText(action),
    ...placed(subject),
    ...protectors(subject),
    baseMs,
    factor: factorThousandths,
    maxMs,
    jitter: jitterMillionths,
    random: millionthsOf(random),
    strikeTtlMs: duration.strikeTtlMs,
    ...costOf(promotion),
    budgets: { rule: budgetTerms(rule, budget.rule), all: budgetTerms(allRules, budget.all) },
    reviewReason: underReviewReason(rule),
    shared: shared
      ? { identities: shared.identities, action: shared.then.kind === 'limit' ? actionText(shared.then) : '' }
      : undefined,
    memoryMs: maxMs + verdictMemoryMs,
    by: `${verdict.ruleHash} ${rule}`,
  };
};

/** What the detector writes into the list in Redis. */
export class RedisBlockPromoter implements BlockPromoter {
  readonly #scripts: BlockScripts;
  readonly #random: () => number;

  constructor(scripts: BlockScripts, random: () => number) {
    this.#scripts = scripts;
    this.#random = random;
  }

  async promote(promotion: Promotion): Promise<PromotionResult> {
    const reply = await this.#scripts.run('promote', askedOf(promotion, this.#random()));
    const [kind, second] = reply;
    if (kind === 'already') return { kind, blockId: String(second) };
    const reason = suppressions.find((known) => known === second);
    if (kind === 'suppressed' && reason) return { kind, reason };
    if (kind !== 'activated' && kind !== 'proposed' && kind !== 'shadow') {
      throw brokenReply('the result of a promotion');
    }
    return { kind, block: blockFromReply(reply) };
  }

  async noteTraffic(notes: readonly TrafficNote[]): Promise<void> {
    const traffic = notes.map((note) => [note.windowStartMs, note.partition, note.allowed, note.clients] as const);
    for (let from = 0; from < traffic.length; from += notesPerCall) {
      await this.#note({ traffic: traffic.slice(from, from + notesPerCall), identities: [] });
    }
  }

  async noteIdentities(notes: readonly IdentityNote[]): Promise<void> {
    const identities = notes.flatMap(({ address, clientKey }) => {
      const id = notedAddressOf(address);
      const range = id === null ? undefined : addressesOf({ kind: 'ip', id });
      return range ? [[range.first, range.from, identityDigest(clientKey)] as const] : [];
    });
    for (let from = 0; from < identities.length; from += notesPerCall) {
      await this.#note({ traffic: [], identities: identities.slice(from, from + notesPerCall) });
    }
  }

  async #note(notes: object): Promise<void> {
    const bounds = { perNetwork: identitiesPerNetwork, networks: networksWithIdentities };
    await this.#scripts.run('notes', { ...notes, ...bounds, refusals: [] });
  }
}
