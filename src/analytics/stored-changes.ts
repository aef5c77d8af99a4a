import type { BlockAction } from '../blocklist/block.ts';
import type { BlockSubject } from '../client.ts';

/** One epoch of the change log, as far as it is stored. */
export interface StoredLog {
  /** Who its changes are from. */
  readonly emitter: string;
  /** Position of the newest change that is stored. */
  readonly upTo: number;
}

export interface BlockChangesQuery {
  readonly emitter: string;
  /** Changes behind this position, up to and with `upTo`. */
  readonly after: number;
  readonly upTo: number;
  /** Of this block alone. */
  readonly blockId?: string;
  /** 1 to 1,000. */
  readonly limit: number;
}

/** One change of the list, as the audit keeps it. Where clients are stored under pseudonyms, so are subject and block. */
export interface StoredChange {
  readonly sequence: number;
  readonly atMs: number;
  readonly blockId: string;
  readonly subject: BlockSubject;
  /** Of a later release maybe one that this one does not know. */
  readonly state: string;
  readonly version: number;
  readonly rule: string;
  readonly action: BlockAction;
  readonly expiresAtMs: number;
  readonly actor: string;
  readonly reason: string;
}

/** What is asked of the changes that the change log itself has dropped. */
export interface StoredChanges {
  /** The epochs whose changes are stored, the oldest first; at most 1,000. They are the same for everybody. */
  changeLogs(): Promise<readonly StoredLog[]>;
  /** In the order of the log. Who sees some tenants alone gets what is about their subjects. */
  blockChanges(query: BlockChangesQuery): Promise<readonly StoredChange[]>;
}
