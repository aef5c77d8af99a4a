import type { Session } from 'chdb';
import { exceptionOf } from './exception.ts';
import { judge, literal, type Statement } from './statement.ts';

/** A result that was made as a whole. */
export interface WholeResult {
  readonly bytes: Uint8Array;
  readonly rows: number;
  readonly elapsedSeconds: number;
}

/** A connection for one query. Nothing that the query sets outlives it. */
export interface Reading {
  /** Pieces of the result. Leaving the loop ends the query. */
  pieces(sql: string, format: string): AsyncGenerator<Uint8Array>;
  whole(sql: string, format: string): Promise<WholeResult>;
  close(): void;
}

export interface ReadingOptions {
  readonly settings: ReadonlyMap<string, string>;
  readonly params: ReadonlyMap<string, string>;
}

export interface ReadEngine {
  readonly version: string;
  readonly timezone: string;
  readonly displayName: string;
  /** The one statement of this text, as it will run. @throws Exception */
  statementOf(text: string, params: ReadonlyMap<string, string>): Promise<Statement>;
  open(options: ReadingOptions): Promise<Reading>;
  close(): void;
}

export interface ReadEngineOptions {
  readonly folder: string;
  /** Role that every connection takes first; null: the engine was opened without roles. */
  readonly role: string | null;
}

const textOf = async (session: Session, sql: string): Promise<string> => {
  try {
    const { bytes } = await session
      .queryAsync(sql, { format: 'RawBLOB' })
      .then((result) => ({ bytes: result.bytes() }));
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  } catch (error) {
    throw exceptionOf(error);
  }
};

const readingOn = (session: Session): Reading => ({
  pieces: async function* (sql, format) {
    try {
      for await (const chunk of session.queryStream(sql, { format })) yield chunk.raw();
    } catch (error) {
      throw exceptionOf(error);
    }
  },
  whole: async (sql, format) => {
    try {
      const result = await session.queryAsync(sql, { format });
      return { bytes: result.bytes(), rows: result.rowsRead, elapsedSeconds: result.elapsed };
    } catch (error) {
      throw exceptionOf(error);
    }
  },
  close: () => session.close(),
});

/** A text within a text, where every character may need two. */
const maxQuery = 'max_query_size = 4194304';

/** Asks of each line what it is: the engine's rendering ends where a text of one statement ends. */
const rendering = (text: string): string => `SELECT formatQuerySingleLine(${literal(text)})`;

/** Opens what reads the folder that this process has opened already. */
export const openReadEngine = async ({ folder, role }: ReadEngineOptions): Promise<ReadEngine> => {
  const { Session: ChdbSession } = await import('chdb');
  const enter = async (assignments: readonly string[]): Promise<Session> => {
    const session = new ChdbSession(folder);
    try {
      if (role !== null) await textOf(session, `SET ROLE ${role}`);
      // The last of a connection's changes: from here on the engine refuses every other.
      await textOf(
        session,
        `SET ${[...assignments, 'allow_introspection_functions = 0', maxQuery, 'readonly = 1'].join(', ')}`,
      );
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  };
  const judging = await enter(['max_execution_time = 5', 'max_threads = 1', 'max_memory_usage = 268435456']);
  const facts = await textOf(judging, "SELECT concat(version(), '\\n', timezone(), '\\n', displayName())");
  const [version = '', timezone = '', displayName = ''] = facts.split('\n');
  const names = await textOf(
    judging,
    "SELECT arrayStringConcat(groupArray(lower(name)), ' ') FROM system.table_functions",
  );
  const tableFunctions = new Set(names.split(' '));
  return {
    version,
    timezone,
    displayName,
    statementOf: async (text, params) => judge(await textOf(judging, rendering(text)), { params, tableFunctions }),
    open: async ({ settings, params }) => {
      const assignments = [
        ...[...settings].map(([name, value]) => `${name} = ${literal(value)}`),
        ...[...params].map(([name, value]) => `param_${name} = ${literal(value)}`),
      ];
      return readingOn(await enter(assignments));
    },
    close: () => judging.close(),
  };
};
