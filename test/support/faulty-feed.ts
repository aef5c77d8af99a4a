import type { BlockFeed, Changes, SnapshotPage } from '../../src/blocklist/block-feed.ts';
import { TidegateError } from '../../src/errors.ts';

/** What can become of one call on its way. */
export const feedFaults = ['none', 'lost', 'unheard', 'late', 'holed', 'shuffled', 'twice'] as const;
export type FeedFault = (typeof feedFaults)[number];

const away = (): TidegateError => new TidegateError('STORE_FAILED', 'away', { retryable: true });

/** A way to a list that loses, repeats, reorders and delays; `next` says what happens to each call. */
export class FaultyFeed implements BlockFeed {
  source: BlockFeed;
  next: () => FeedFault = () => 'none';
  calls = { snapshot: 0, changes: 0 };
  #before: Changes | null = null;

  constructor(source: BlockFeed) {
    this.source = source;
  }

  async snapshot(page?: string): Promise<SnapshotPage> {
    this.calls.snapshot += 1;
    const fault = this.next();
    if (fault === 'lost') throw away();
    const answer = await this.source.snapshot(page);
    if (fault === 'unheard') throw away();
    return fault === 'twice' ? { ...answer, entries: [...answer.entries, ...answer.entries] } : answer;
  }

  async changesAfter(...asked: Parameters<BlockFeed['changesAfter']>): Promise<Changes> {
    this.calls.changes += 1;
    const fault = this.next();
    if (fault === 'lost') throw away();
    const answer = await this.source.changesAfter(...asked);
    const before = this.#before;
    this.#before = answer;
    if (fault === 'unheard') throw away();
    if (fault === 'late' && before !== null) return before;
    if (answer.kind === 'gap') return answer;
    const { changes } = answer;
    if (fault === 'holed') return { ...answer, changes: changes.filter((_, at) => at % 2 === 1) };
    if (fault === 'shuffled') return { ...answer, changes: changes.toReversed() };
    return fault === 'twice' ? { ...answer, changes: changes.flatMap((change) => [change, change]) } : answer;
  }

  noteRefusals(): Promise<void> {
    return Promise.resolve();
  }
}
