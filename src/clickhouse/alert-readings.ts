import {
  type Cause,
  causes,
  type DecisionQuestionName,
  type DecisionReadings,
  type Reading,
} from '../alert/definition.ts';
import { type AlertObjectives, alertNumbers, readingStatement } from './alert-statements.ts';
import { BoundedQuestions, type QuestionBounds } from './bounded-questions.ts';
import type { ClickHouseEngine } from './engine.ts';

export interface AlertReadingsOptions {
  readonly engine: ClickHouseEngine;
  /** What one evaluation may cost. Default: what any question may, one after another. */
  readonly bounds?: QuestionBounds | undefined;
  readonly objectives?: Partial<AlertObjectives> | undefined;
}

/** Null: not known of these labels. */
type Row = Readonly<Record<string, string | number | null>>;

const causeOf = (text: unknown): Cause | null => causes.find((cause) => cause === text) ?? null;

const readingOf = (question: DecisionQuestionName, row: Row): Reading => {
  const names = alertNumbers[question];
  return {
    labels: { dimension: String(row.dimension), name: String(row.name) },
    isFiring: Number(row.firing) === 1,
    value: Number(row[names[0]]),
    numbers: Object.fromEntries(names.filter((name) => row[name] !== null).map((name) => [name, Number(row[name])])),
    cause: causeOf(row.cause),
  };
};

/** Answers the questions of alerts about decisions, each within its bounds. */
export class ClickHouseAlertReadings implements DecisionReadings {
  readonly #questions: BoundedQuestions;
  readonly #objectives: Partial<AlertObjectives>;

  constructor({ engine, bounds, objectives = {} }: AlertReadingsOptions) {
    this.#questions = new BoundedQuestions(engine.questions, { atOnce: 1, waiting: 8, ...bounds });
    this.#objectives = objectives;
  }

  async read(question: DecisionQuestionName, atMs: number): Promise<readonly Reading[]> {
    const at = new Date(atMs).toISOString().slice(0, 19).replace('T', ' ');
    const rows = await this.#questions.select<Row>(readingStatement(question, this.#objectives), { at });
    return rows.map((row) => readingOf(question, row));
  }
}
