import type { BlockEntry, BlockFeed, Changes, Cursor, Refusals, SnapshotPage } from '../blocklist/block-feed.ts';
import type { AllowEntry } from '../blocklist/block-review.ts';
import { checkRefusals } from '../blocklist/checks.ts';
import { changeFrom, entryFromLine, entryOfImport, fieldsOf, type ImportTerms, switchesFrom } from './block-record.ts';
import type { BlockScripts } from './block-scripts.ts';
import { subjectKeyFrom } from './block-subject.ts';

/** Where a reading of the list goes on: position of its first page, and the shard to begin the next one with. */
const pageText = ({ epoch, sequence }: Cursor, shard: number): string => `${epoch}.${sequence}.${shard}`;

const pageFrom = (page: string | undefined): (Cursor & { shard: number }) | null => {
  const [, epoch, sequence, shard] = /^([^.]+)\.(\d+)\.(\d+)$/.exec(page ?? '') ?? [];
  return epoch === undefined ? null : { epoch, sequence: Number(sequence), shard: Number(shard) };
};

/** What gates read of the list in Redis. */
export class RedisBlockFeed implements BlockFeed {
  readonly #scripts: BlockScripts;
  readonly #entriesPerPage: number;

  constructor(scripts: BlockScripts, entriesPerPage: number) {
    this.#scripts = scripts;
    this.#entriesPerPage = entriesPerPage;
  }

  async snapshot(page?: string): Promise<SnapshotPage> {
    const from = pageFrom(page);
    const asked = { from: from?.shard ?? 0, entries: this.#entriesPerPage };
    const [epoch, sequence, now, next, terms, allowed, switches, ...flat] = await this.#scripts.run('snapshot', asked);
    const nowMs = Number(now);
    const at: Cursor = { epoch: String(epoch), sequence: Number(sequence) };
    const position = from !== null && from.epoch === at.epoch ? { epoch: from.epoch, sequence: from.sequence } : at;
    return {
      ...position,
      entries: entriesOf(flat, termsOf(terms), nowMs),
      exemptions: Object.entries(fieldsOf(allowed as unknown[]))
        .map(([stored, text]) => ({
          subjectKey: subjectKeyFrom(stored),
          untilMs: (JSON.parse(text) as AllowEntry).untilMs,
        }))
        .filter(({ untilMs }) => untilMs > nowMs),
      switches: switchesFrom(switches as unknown[], nowMs),
      nextPage: Number(next) < 0 ? null : pageText(position, Number(next)),
    };
  }

  async changesAfter({ epoch, sequence }: Cursor, maxChanges: number): Promise<Changes> {
    const asked = { epoch: epoch === '' ? '?' : epoch, after: sequence, changes: maxChanges };
    const [gap, , , now, , , ...flat] = await this.#scripts.run('changes', asked);
    if (gap !== 0) return { kind: 'gap' };
    const changes = [];
    for (let at = 0; at + 1 < flat.length; at += 2) {
      changes.push(changeFrom(Number(flat[at]), flat[at + 1] as unknown[], Number(now)));
    }
    return { kind: 'changes', cursor: { epoch, sequence: changes.at(-1)?.sequence ?? sequence }, changes };
  }

  async noteRefusals(refusals: readonly Refusals[]): Promise<void> {
    checkRefusals(refusals);
    if (refusals.length === 0) return;
    const notes = refusals.map(
      ({ blockId, refused, commands, bytes, lastAtMs }) => [blockId, refused, commands, bytes, lastAtMs] as const,
    );
    await this.#scripts.run('notes', { traffic: [], identities: [], refusals: notes });
  }
}

const termsOf = (flat: unknown): ReadonlyMap<string, ImportTerms> =>
  new Map(
    Object.entries(fieldsOf(flat as unknown[])).map(([name, text]) => [`~${name}`, JSON.parse(text) as ImportTerms]),
  );

/** Those in force. Of an import that nobody knows any more nothing is. */
const entriesOf = (
  flat: readonly unknown[],
  imports: ReadonlyMap<string, ImportTerms>,
  nowMs: number,
): readonly BlockEntry[] => {
  const entries: BlockEntry[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const [stored, line] = [String(flat[at]), String(flat[at + 1])];
    const terms = imports.get(line);
    if (line.startsWith('~') && (terms === undefined || terms.gone)) continue;
    const entry = terms ? entryOfImport(stored, terms) : entryFromLine(stored, line);
    if (entry.expiresAtMs > nowMs) entries.push(entry);
  }
  return entries;
};
