import type { Client } from '../client.ts';

/** Tables in which clients are stored; in all others they are not. */
export const clientTables = ['decisions_raw', 'denials_by_client_per_minute', 'blocks'] as const;
export type ClientTable = (typeof clientTables)[number];

/** How many rows of a table hold a client. */
export interface TableRows {
  readonly table: ClientTable;
  readonly rows: number;
}

/** One row that holds the client, under its column names. */
export interface ClientRow {
  readonly table: ClientTable;
  readonly row: Readonly<Record<string, unknown>>;
}

export interface EraseOptions {
  /** Who asks for it; kept with the time, and without the client. */
  readonly actor: string;
  /** How long to wait for each change of a table, milliseconds. Default one hour. */
  readonly waitMs?: number;
  /** Told what is being done. */
  readonly onStep?: (step: string) => void;
}

export interface Erasure {
  /** Names the run in `erasures`. */
  readonly requestId: string;
  /** Rows that held the client before. */
  readonly found: readonly TableRows[];
  /** Rows that hold it now: those that were stored meanwhile. Run it again. */
  readonly remaining: readonly TableRows[];
  /** The database keeps no statement any more in which the client is named. False: it still does, for a while. */
  readonly isForgotten: boolean;
}

/** What is stored of one client. Rejects with TABLE_FAILED; INPUT_INVALID where the client is nobody in particular. */
export interface ClientData {
  /** Under which ids it may be stored: its own, and its pseudonyms under every key that is known. */
  idsOf(client: Client): readonly string[];
  /** Rows that hold it; those in which it is the address beside another client are among them. */
  find(client: Client): Promise<readonly TableRows[]>;
  /** All of them, table by table, in order of time: a few thousand in memory at once. */
  rows(client: Client): AsyncIterable<ClientRow>;
  /**
   * Makes rows say `~erased` instead of the client, without its addresses. All totals stay. Idempotent; where it was
   * interrupted, it goes on when it is called again.
   */
  erase(client: Client, options: EraseOptions): Promise<Erasure>;
}
