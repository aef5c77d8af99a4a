import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type ClickHouseClient, type ClickHouseClientConfigOptions, createClient } from '@clickhouse/client';
import type { ChdbConnection } from 'chdb/connection';
import { messageOf, TidegateError } from '../errors.ts';
import { type FolderLock, lockFolder } from './folder-lock.ts';
import { type RoleFiles, writeRoleFiles } from './reader-role.ts';

export interface ChdbOptions {
  /** Where the data is. '': a temporary folder that close() removes. */
  readonly folder: string;
  /** Opens with a role for readers from outside, who then hold no other right. Default false. */
  readonly hasReaders?: boolean;
  /** What statements of `questions` run with; they may repeat it, and change nothing of it. Default: nothing. */
  readonly questionSettings?: Settings;
}

type Settings = Readonly<Record<string, string | number>>;

/** What is inserted by one statement. */
interface Insert {
  readonly table: string;
  readonly rows: readonly Buffer[];
  readonly settings: Readonly<Record<string, string | number>>;
}

/** ClickHouse in this process: the same shape as a server's engine. */
export interface ChdbEngine {
  readonly name: string;
  readonly soleProcess: true;
  readonly writer: ClickHouseClient;
  readonly reader: ClickHouseClient;
  readonly questions: ClickHouseClient;
  insert(statement: Insert): Promise<void>;
  announce(endpoint: string, sqlEndpoint?: string): void;
  close(): Promise<void>;
}

/** Both packages declare the same connection, in two copies of one file whose private members do not match. */
const clientOver = (connection: ChdbConnection): ClickHouseClient =>
  createClient({ connection: connection as unknown as NonNullable<ClickHouseClientConfigOptions['connection']> });

/** The library holds one folder per process, so a second one is refused with a reason instead of a crash. */
let openFolder: string | null = null;

const claim = (folder: string): FolderLock => {
  if (openFolder !== null) {
    throw new TidegateError('DATA_LOCKED', `This process holds ${openFolder}; chDB opens one folder per process`);
  }
  try {
    const lock = lockFolder(folder);
    openFolder = folder;
    return lock;
  } catch (cause) {
    if (cause instanceof TidegateError) throw cause;
    throw new TidegateError('ENGINE_UNREACHABLE', `The folder ${folder} cannot be used: ${messageOf(cause)}`, {
      cause,
    });
  }
};

interface Connected {
  readonly writing: ChdbConnection;
  readonly reading: ChdbConnection;
  readonly asking: ChdbConnection;
  /** Resolves when nothing runs in the library any more. */
  drainPending(): Promise<void>;
}

/** Settings that no statement of a connection can change any more, `readonly` among them. */
const fix = async (connection: ChdbConnection, settings: Settings = {}): Promise<void> => {
  for (const [name, value] of Object.entries({ ...settings, readonly: 1 })) {
    await connection.chdb.queryAsync(`SET ${name} = ${typeof value === 'number' ? value : `'${value}'`}`);
  }
};

interface ConnectOptions {
  readonly path: string;
  readonly roles: RoleFiles | null;
  readonly questionSettings: Settings | undefined;
}

const connect = async ({ path, roles, questionSettings }: ConnectOptions): Promise<Connected> => {
  const [{ createChdbConnection }, { drainPending, Session }] = await Promise.all([
    import('chdb/connection'),
    import('chdb'),
  ]);
  // Only the first connection's arguments reach the engine; it starts with that connection and outlives it.
  const first = roles === null ? null : new Session(path, { connectionArgs: [...roles.arguments] });
  const writing = createChdbConnection({ path });
  const reading = createChdbConnection({ path });
  // Settings live on a connection object: this one can never write, whatever SQL reaches it.
  await fix(reading);
  // Statements of one connection run one after another: what people ask for does not hold up ingest.
  const asking = createChdbConnection({ path });
  await fix(asking, questionSettings);
  first?.close();
  return { writing, reading, asking, drainPending };
};

/**
 * Opens chDB on a folder.
 *
 * @throws TidegateError DATA_LOCKED when another process holds the folder, ENGINE_UNREACHABLE when it cannot be written or
 * the library cannot open it.
 */
export const openChdb = async ({ folder, hasReaders = false, questionSettings }: ChdbOptions): Promise<ChdbEngine> => {
  const isTemporary = folder === '';
  const path = isTemporary ? mkdtempSync(join(tmpdir(), 'tidegate-chdb-')) : resolve(folder);
  const lock = claim(path);
  const roles = hasReaders ? writeRoleFiles() : null;
  const letGo = (): void => {
    openFolder = null;
    roles?.remove();
    lock.release();
    // Merges in the background may still put files there for a moment.
    if (isTemporary) rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  };
  try {
    const { writing, reading, asking, drainPending } = await connect({ path, roles, questionSettings });
    const writer = clientOver(writing);
    const reader = clientOver(reading);
    const questions = clientOver(asking);
    return {
      name: `chdb:${path}`,
      soleProcess: true,
      writer,
      reader,
      questions,
      insert: async ({ table, rows, settings }) => {
        // Through the client the bytes would become a string first.
        await writing.chdb.rawInsert({ table, settings, format: 'JSONEachRow', values: Buffer.concat(rows) });
      },
      announce: (endpoint, sqlEndpoint) => lock.announce(endpoint, sqlEndpoint),
      close: async () => {
        await Promise.all([reader.close(), questions.close()]);
        await writer.close();
        // What was still running, after a Ctrl-C for instance, writes until it is done.
        await drainPending();
        letGo();
      },
    };
  } catch (cause) {
    letGo();
    if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new TidegateError('ENGINE_UNREACHABLE', `chDB cannot open ${path}: ${messageOf(cause)}`, { cause });
  }
};
