import type { ClickHouseClient } from '@clickhouse/client';
import { TidegateError } from '../errors.ts';
import { engineCodeOf, type QueryParams, selectRows } from './engine.ts';
import { Slots } from './slots.ts';

/** What one question may cost. */
export interface QuestionBounds {
  /** Default 5. */
  readonly maxSeconds?: number;
  /** Rows that it reads. Default 500 million. */
  readonly maxRowsToRead?: number;
  /** Bytes that it reads, uncompressed. Default 20 GB. */
  readonly maxBytesToRead?: number;
  /** Bytes of memory. Default 2 GB. */
  readonly maxMemoryBytes?: number;
  /** Rows of its answer. Default 100,000. */
  readonly maxResultRows?: number;
  /** Questions of this process that run at once. Default 4; an embedded database answers one after another anyway. */
  readonly atOnce?: number;
  /** Questions that wait for their turn. Default 32. */
  readonly waiting?: number;
}

/** Codes with which ClickHouse says that a bound was reached: rows, time, estimated time, memory, bytes, either, result. */
const overBound = new Set([158, 159, 160, 241, 290, 307, 396]);

const tooExpensive =
  'This takes longer, or reads more, than one question may: ask about a shorter range, or for one tenant, route, region, policy or client';

/** What a question runs with. A bound that is reached is an error: half an answer would look like a whole one. */
export const questionSettings = (bounds: QuestionBounds = {}): Readonly<Record<string, string | number>> => ({
  max_execution_time: bounds.maxSeconds ?? 5,
  max_rows_to_read: bounds.maxRowsToRead ?? 500_000_000,
  max_bytes_to_read: bounds.maxBytesToRead ?? 20_000_000_000,
  max_memory_usage: bounds.maxMemoryBytes ?? 2_000_000_000,
  max_result_rows: bounds.maxResultRows ?? 100_000,
  read_overflow_mode: 'throw',
  timeout_overflow_mode: 'throw',
  result_overflow_mode: 'throw',
});

const clauseOf = (settings: Readonly<Record<string, string | number>>): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name} = ${typeof value === 'number' ? value : `'${value}'`}`)
    .join(', ');

/** Asks what people want to know, each question within its bounds. */
export class BoundedQuestions {
  readonly #client: ClickHouseClient;
  readonly #settings: string;
  readonly #slots: Slots;

  constructor(client: ClickHouseClient, bounds: QuestionBounds = {}) {
    this.#client = client;
    this.#settings = clauseOf(questionSettings(bounds));
    this.#slots = new Slots({ atOnce: bounds.atOnce ?? 4, waiting: bounds.waiting ?? 32 });
  }

  /** The statement ends without settings of its own. Rejects with QUERY_TOO_EXPENSIVE, TABLE_BUSY or TABLE_FAILED. */
  select<Row>(sql: string, params: QueryParams): Promise<Row[]> {
    return this.#slots.run(() =>
      selectRows<Row>(this.#client, `${sql}\nSETTINGS ${this.#settings}`, params).catch((error: unknown) => {
        if (!(error instanceof TidegateError)) throw error;
        const code = engineCodeOf(error.cause);
        if (code !== null && overBound.has(code)) {
          throw new TidegateError('QUERY_TOO_EXPENSIVE', tooExpensive, { cause: error });
        }
        // There are no rows in a question that could be unreadable.
        throw new TidegateError('TABLE_FAILED', error.message, { cause: error, retryable: error.retryable });
      }),
    );
  }
}
