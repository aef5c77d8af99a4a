import { type Static, Type } from 'typebox';
import { findingKinds } from '../analytics/audit-findings.ts';
import type { Reconciliation } from '../analytics/audit-reconcile.ts';
import { RequestFailure } from './problem.ts';
import { type Api, problemResponses } from './routing.ts';

const Count = Type.Integer({ minimum: 0 });
const Offset = Type.Union([Count, Type.Null()]);

const PartitionSchema = Type.Object({
  partition: Count,
  blocks: Count,
  ledgerStart: Offset,
  ledgerEnd: Type.Union([Count, Type.Null()], {
    description: 'Just behind the last offset that is written down as stored.',
  }),
  committedOffset: Offset,
  underWay: Type.Union(
    [Type.Object({ topicId: Type.String(), startOffset: Count, endOffset: Count, rows: Count }), Type.Null()],
    { description: 'The block that is announced and not yet acknowledged.' },
  ),
  logEnd: Offset,
  lagRecords: Count,
  accountedRows: Type.Integer({ minimum: 0, description: 'Rows of the ledger, as far as the table keeps them.' }),
  storedRows: Type.Integer({ minimum: 0, description: 'The same rows, counted in the table.' }),
  behindRows: Type.Integer({ minimum: 0, description: 'Rows of blocks that were on their way.' }),
  drift: Count,
});

const TopicSchema = Type.Object({
  topic: Type.String(),
  table: Type.String(),
  partitions: Type.Array(PartitionSchema),
  grains: Type.Array(
    Type.Object({
      table: Type.String(),
      source: Type.String(),
      comparedFrom: Type.Union([Type.String({ format: 'date-time' }), Type.Null()], {
        description: 'Periods before have lost rows to their time to live; null: everything is kept.',
      }),
      decisions: Type.Integer(),
      sourceDecisions: Type.Integer(),
      drift: Count,
    }),
  ),
  doubledRows: Type.Integer({ minimum: 0, description: 'Rows that came twice and were stored once.' }),
  deadLetters: Count,
  settledBlocks: Type.Integer({ minimum: 0, description: 'Blocks that were counted and completed after a failure.' }),
});

export const ReconciliationSchema = Type.Object({
  takenAt: Type.String({ format: 'date-time' }),
  drift: Type.Integer({ minimum: 0, description: '0: every number agrees.' }),
  topics: Type.Array(TopicSchema),
  findings: Type.Array(
    Type.Object({
      kind: Type.Enum([...findingKinds]),
      isDrift: Type.Boolean({ description: 'false: worth knowing, but the numbers agree.' }),
      topic: Type.String(),
      partition: Type.Union([Count, Type.Null()]),
      what: Type.String(),
      amount: Count,
      unit: Type.Enum(['records', 'rows', 'decisions', 'emitters']),
      next: Type.String({ description: 'What to do.' }),
    }),
    { description: 'Drift first, at most 200.' },
  ),
  moreFindings: Count,
});

export type ReconciliationView = Static<typeof ReconciliationSchema>;

const instantOf = (atMs: number): string => new Date(atMs).toISOString();

/** An audit as the API shows it, and as `tidegate reconcile --json` prints it: instants are RFC 3339. */
export const reconciliationView = ({ takenAtMs, topics, findings, ...rest }: Reconciliation): ReconciliationView => ({
  takenAt: instantOf(takenAtMs),
  ...rest,
  topics: topics.map(({ grains, partitions, ...topic }) => ({
    ...topic,
    partitions: [...partitions],
    grains: grains.map(({ comparedFromMs, ...grain }) => ({
      ...grain,
      comparedFrom: comparedFromMs === 0 ? null : instantOf(comparedFromMs),
    })),
  })),
  findings: [...findings],
});

const ReconcileQuery = Type.Object(
  {
    topic: Type.Optional(
      Type.String({ maxLength: 249, description: 'One topic alone, such as tidegate.decisions. Default: all.' }),
    ),
  },
  { additionalProperties: false },
);

/** Compares what is stored. Callers share the answer for a while, so that nobody loads the database through it. */
export type AskReconciliation = (topic: string | null) => Promise<Reconciliation>;

/** `GET /v1/reconciliation`. Null: the database is not in reach of this process. */
export const reconcileRoutes = (api: Api, ask: AskReconciliation | null): void => {
  api.get(
    '/v1/reconciliation',
    {
      schema: {
        operationId: 'reconciliation',
        summary: 'Whether log, ledger, rows and rollups agree',
        description: 'Reads what is stored, which takes seconds on a large table; an answer is kept for ten seconds.',
        tags: ['analytics'],
        querystring: ReconcileQuery,
        response: { 200: ReconciliationSchema, ...problemResponses(400, 503) },
      },
    },
    async ({ query }) => {
      if (!ask) throw new RequestFailure('unavailable', 'The analytics database is not in reach of this process.');
      return reconciliationView(await ask(query.topic ?? null));
    },
  );
};
