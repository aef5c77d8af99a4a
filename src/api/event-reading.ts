import type { StoredChanges, StoredLog } from '../analytics/stored-changes.ts';
import type { Block } from '../blocklist/block.ts';
import type { Cursor } from '../blocklist/block-feed.ts';
import type { ChangeLog, LoggedChange } from '../blocklist/change-log.ts';
import { changesEmitter, epochOf } from '../detect/change-row.ts';
import { isInReach } from '../review/authority.ts';
import type { Reviewer } from '../review/roles.ts';
import { type EventView, eventView, kindOf, storedEventView } from './event-view.ts';
import { cursorText } from './list-cursor.ts';
import { GoneFailure } from './problem.ts';

export const maxEvents = 500;
/** Of the log or of the table, for one answer: a filter may leave out nearly all. */
const mostReads = 10;

export interface EventsWanted {
  /** Null: from the oldest that the log keeps, or of a block from its first. */
  readonly after: Cursor | null;
  readonly limit: number;
  /** Of this block alone. */
  readonly block?: string | undefined;
  readonly tenants: Reviewer['tenants'];
}

interface Part {
  readonly events: readonly EventView[];
  readonly cursor: Cursor;
  /** There is nothing behind it now. */
  readonly isEnd: boolean;
}

export interface EventSources {
  readonly changes: ChangeLog;
  /** Within the tenants of who asks; null: the database is not in reach. */
  readonly stored: StoredChanges | null;
}

/** Of lists alone, whatever else the table holds. */
const logsOf = async (stored: StoredChanges): Promise<readonly StoredLog[]> =>
  (await stored.changeLogs()).filter(({ emitter }) => emitter === changesEmitter(epochOf(emitter)));

/** Who is for some tenants sees what is about their subjects, and nothing of what all share. */
const isForEyesOf = (block: Block, tenants: Reviewer['tenants']): boolean =>
  tenants === null || ((kindOf(block.id) === 'block' || kindOf(block.id) === 'allow') && isInReach(block, tenants));

const gone = (lost: number, live: Cursor): GoneFailure =>
  new GoneFailure(
    `${lost === 0 ? 'Changes' : `${lost} changes`} behind this cursor are neither in the log nor in the audit table \`blocks\`, as far as that is in reach; or the list was replaced.`,
    { next: `/v1/events?after=${cursorText(live)}` },
  );

/** One answer: first what the table alone still holds, then what the log does. */
export class EventReading {
  readonly #sources: EventSources;
  readonly #wanted: EventsWanted;
  readonly #events: EventView[] = [];

  constructor(sources: EventSources, wanted: EventsWanted) {
    this.#sources = sources;
    this.#wanted = wanted;
  }

  /** Throws GoneFailure where neither holds what is behind the cursor, with where to go on. */
  async run(): Promise<{ events: readonly EventView[]; cursor: Cursor }> {
    let cursor = this.#wanted.after ?? (await this.#start());
    for (let reads = 0; reads < mostReads && this.#room > 0; reads += 1) {
      const most = this.#isFiltered ? maxEvents : this.#room;
      const logged = await this.#sources.changes.loggedAfter(cursor, most);
      const part: Part | null =
        logged.kind === 'changes' ? this.#ofLog(logged, most) : cursor && (await this.#ofTable(cursor, logged.cursor));
      if (part === null) {
        if (this.#events.length === 0 && logged.kind === 'gap') throw gone(logged.lost, logged.cursor);
        break;
      }
      this.#events.push(...part.events);
      cursor = part.cursor;
      if (part.isEnd) break;
    }
    return { events: this.#events, cursor: cursor ?? { epoch: '', sequence: 0 } };
  }

  get #room(): number {
    return this.#wanted.limit - this.#events.length;
  }

  get #isFiltered(): boolean {
    return this.#wanted.block !== undefined || this.#wanted.tenants !== null;
  }

  /** All of a block is wanted from its first change on, and that may be in no log any more. */
  async #start(): Promise<Cursor | null> {
    if (this.#wanted.block === undefined) return null;
    const { stored } = this.#sources;
    const [first] = stored ? await logsOf(stored) : [];
    return first ? { epoch: epochOf(first.emitter), sequence: 0 } : null;
  }

  #ofLog(
    { cursor, changes }: { readonly cursor: Cursor; readonly changes: readonly LoggedChange[] },
    most: number,
  ): Part {
    const { block, tenants } = this.#wanted;
    const events: EventView[] = [];
    for (const change of changes) {
      const isMeant = block === undefined || change.block.id === block;
      const view = isMeant && isForEyesOf(change.block, tenants) ? eventView(change, cursor.epoch) : null;
      if (view) events.push(view);
      if (events.length === this.#room) {
        return { events, cursor: { ...cursor, sequence: change.sequence }, isEnd: true };
      }
    }
    return { events, cursor, isEnd: changes.length < most };
  }

  /** Null: it is not there either. */
  async #ofTable({ epoch, sequence }: Cursor, live: Cursor): Promise<Part | null> {
    const { stored } = this.#sources;
    if (stored === null) return null;
    const emitter = changesEmitter(epoch);
    const logs = await logsOf(stored);
    const at = logs.findIndex((log) => log.emitter === emitter);
    const upTo = logs[at]?.upTo;
    if (upTo === undefined) return null;
    if (sequence < upTo) return this.#ofEpoch(stored, { epoch, emitter, after: sequence, upTo });
    if (epoch === live.epoch) return null;
    const next = logs[at + 1];
    return { events: [], cursor: { epoch: next ? epochOf(next.emitter) : live.epoch, sequence: 0 }, isEnd: false };
  }

  async #ofEpoch(
    stored: StoredChanges,
    { epoch, ...from }: { epoch: string; emitter: string; after: number; upTo: number },
  ): Promise<Part> {
    const { block } = this.#wanted;
    const limit = this.#room;
    const changes = await stored.blockChanges({ ...from, limit, ...(block !== undefined && { blockId: block }) });
    const events = changes.map((change) => storedEventView(change, epoch)).filter((view) => view !== null);
    const sequence = changes.length < limit ? from.upTo : (changes.at(-1)?.sequence ?? from.upTo);
    return { events, cursor: { epoch, sequence }, isEnd: false };
  }
}
