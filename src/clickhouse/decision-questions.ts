import type {
  ClientHistory,
  ClientHistoryQuery,
  DecisionQuestions,
  DecisionsAroundQuery,
  NearLimit,
  NearLimitQuery,
  OutcomePoint,
  OutcomesQuery,
  RatesQuery,
  Spike,
  SpikesQuery,
  StoredDecision,
} from '../analytics/decision-questions.ts';
import type { DeniedClient, DeniedClientsQuery, ThrottlePoint } from '../analytics/decision-reader.ts';
import type { BlockChangesQuery, StoredChange, StoredChanges, StoredLog } from '../analytics/stored-changes.ts';
import type { Pseudonyms } from '../ingest/pseudonyms.ts';
import type { BoundedQuestions } from './bounded-questions.ts';
import { askBlockChanges, askChangeLogs } from './change-questions.ts';
import { askClientHistory } from './client-history.ts';
import { askOffenders, askSpikes } from './offender-questions.ts';
import { RowsInReach } from './question-rows.ts';
import { askOutcomes, askRates } from './rate-questions.ts';
import { askDecisionsAround, askNearLimit } from './single-rows.ts';

/** What every question needs: who asks, and whom. */
export interface Asking {
  readonly reach: RowsInReach;
  readonly questions: BoundedQuestions;
}

export interface QuestionsOptions {
  readonly questions: BoundedQuestions;
  readonly tenants: readonly string[] | null;
  readonly pseudonyms: Pseudonyms | null;
}

/** The questions of somebody who sees these tenants alone, in ClickHouse's SQL. */
export const decisionQuestions = ({
  questions,
  tenants,
  pseudonyms,
}: QuestionsOptions): DecisionQuestions & StoredChanges => {
  const asking: Asking = { reach: new RowsInReach(tenants, pseudonyms), questions };
  return {
    throttleRates: (query: RatesQuery): Promise<readonly ThrottlePoint[]> => askRates(asking, query),
    outcomes: (query: OutcomesQuery): Promise<readonly OutcomePoint[]> => askOutcomes(asking, query),
    offenders: (query: DeniedClientsQuery): Promise<readonly DeniedClient[]> => askOffenders(asking, query),
    nearLimit: (query: NearLimitQuery): Promise<readonly NearLimit[]> => askNearLimit(asking, query),
    spikes: (query: SpikesQuery): Promise<readonly Spike[]> => askSpikes(asking, query),
    clientHistory: (query: ClientHistoryQuery): Promise<ClientHistory> => askClientHistory(asking, query),
    decisionsAround: (query: DecisionsAroundQuery): Promise<readonly StoredDecision[]> =>
      askDecisionsAround(asking, query),
    changeLogs: (): Promise<readonly StoredLog[]> => askChangeLogs(asking),
    blockChanges: (query: BlockChangesQuery): Promise<readonly StoredChange[]> => askBlockChanges(asking, query),
  };
};
