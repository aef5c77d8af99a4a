import type {
  EvidenceCounts,
  EvidenceQuery,
  EvidenceQuestion,
  EvidenceReader,
  EvidenceState,
} from '../analytics/verify-rows.ts';
import { erasedClientId, type Pseudonyms } from '../ingest/pseudonyms.ts';
import { BoundedQuestions, type QuestionBounds } from './bounded-questions.ts';
import { type ClickHouseEngine, selectRows } from './engine.ts';
import { ttlDaysOf } from './retention.ts';
import { erasedStatement, evidenceStatement, queryText } from './verify-statement.ts';

const dayMs = 86_400_000;

/** 64-bit numbers come as text from some engines. */
type Count = string | number;
type Numbers = Record<
  'window_start_ms' | 'decisions' | 'denied' | 'judged' | 'came_early' | 'first_at_ms' | 'last_at_ms',
  Count
>;
type Row = Numbers & { decided: string; decided_route: string; member: string; policies: string[] };

export interface EvidenceReaderOptions {
  readonly engine: ClickHouseEngine;
  readonly pseudonyms: Pseudonyms | null;
  readonly nowMs: () => number;
  readonly bounds?: QuestionBounds | undefined;
}

/** See {@link EvidenceReader}. */
export class ClickHouseEvidenceReader implements EvidenceReader {
  readonly #options: EvidenceReaderOptions;
  readonly #questions: BoundedQuestions;

  constructor(options: EvidenceReaderOptions) {
    this.#options = options;
    this.#questions = new BoundedQuestions(options.engine.questions, { ...options.bounds, atOnce: 2, waiting: 16 });
  }

  async queryFor(question: EvidenceQuestion): Promise<EvidenceQuery> {
    return queryText(evidenceStatement(question, this.#options.pseudonyms));
  }

  async counts(question: EvidenceQuestion): Promise<EvidenceCounts> {
    const { sql, params } = evidenceStatement(question, this.#options.pseudonyms);
    const rows = await this.#questions.select<Row>(sql, params);
    return {
      counts: rows.flatMap((row) =>
        row.decided === 'denied' || row.decided === 'allowed'
          ? {
              windowStartMs: Number(row.window_start_ms),
              outcome: row.decided,
              route: row.decided_route === '~other' ? null : row.decided_route,
              decisions: Number(row.decisions),
              judged: Number(row.judged),
              early: Number(row.came_early),
              firstAtMs: Number(row.first_at_ms),
              lastAtMs: Number(row.last_at_ms),
              policies: row.policies,
            }
          : [],
      ),
      // The other set of groups names no outcome.
      members: rows.flatMap((row) =>
        row.decided === '' && Number(row.denied) > 0
          ? { windowStartMs: Number(row.window_start_ms), client: row.member, denied: Number(row.denied) }
          : [],
      ),
    };
  }

  async state(question: EvidenceQuestion): Promise<EvidenceState> {
    const { engine, nowMs } = this.#options;
    const erased = erasedStatement(question);
    const emitters = question.marks.map(({ emitter }) => emitter);
    const [stored, held, days] = await Promise.all([
      selectRows<{ emitter: string; seq: Count }>(
        engine.reader,
        `SELECT emitter, max(last_seq) AS seq FROM emitter_marks
         WHERE \`partition\` = {partition:UInt32} AND emitter IN {emitters:Array(String)} GROUP BY emitter`,
        { partition: question.partition, emitters },
      ),
      this.#questions.select<{ held: Count }>(erased.sql, { ...erased.params, erased: erasedClientId }),
      ttlDaysOf(engine, ['decisions_raw']),
    ]);
    const upTo = new Map(stored.map(({ emitter, seq }) => [emitter, Number(seq)]));
    const kept = days.get('decisions_raw') ?? 0;
    return {
      behind: question.marks.filter(({ emitter, seq }) => (upTo.get(emitter) ?? 0) < seq).map(({ emitter }) => emitter),
      keepsSinceMs: kept === 0 ? Number.NEGATIVE_INFINITY : nowMs() - kept * dayMs,
      erasedRows: Number(held[0]?.held ?? 0),
    };
  }
}
