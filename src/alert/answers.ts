import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type {
  AlertDefinition,
  DecisionQuestionName,
  DecisionReadings,
  FigureQuestion,
  Reading,
  SampleWindow,
} from './definition.ts';
import { evaluateFigures } from './figures/evaluate.ts';

export interface AnswersOptions {
  /** Null: the database is never in reach of this process; questions for it are not asked. */
  readonly decisions: DecisionReadings | null;
  readonly window: SampleWindow;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For how long an answer of the database is taken for the present one, milliseconds. Default {@link heldForMs}. */
  readonly heldForMs?: (question: DecisionQuestionName) => number;
}

/** `readings` null: there is no answer now. */
export interface Answer {
  readonly definition: AlertDefinition;
  readonly readings: readonly Reading[] | null;
  /** Whether it is known for so long what is told that a figure which does not hold is one that is over. */
  readonly seesEnds: boolean;
}

/** All questions for the database together may take so long. */
export const answersWithinMs = 10_000;
/** Six times what lies between two tellings: nothing newer than this is no news of anything. */
export const windowStaleMs = 3 * 60_000;

/** The alert about the evaluation itself, which no database and no figure answers. */
export const blindAlert = 'alerts-blind';

/** Spikes are looked for with every evaluation, as their measured delay has it; two share an answer about five minutes, four one about hours. */
const heldMs: Readonly<Partial<Record<DecisionQuestionName, number>>> = {
  'throttle-spike': 10_000,
  'degraded-decisions': 25_000,
};
export const heldForMs = (question: DecisionQuestionName): number => heldMs[question] ?? 55_000;

interface HeldAnswer {
  readonly atUs: number;
  readonly readings: readonly Reading[];
}

/** Asks what alerts ask. A question that is still being answered is not asked again. */
export class Answers {
  readonly #options: AnswersOptions;
  readonly #startedUs: number;
  readonly #running = new Set<string>();
  readonly #held = new Map<string, HeldAnswer>();

  constructor(options: AnswersOptions) {
    this.#options = options;
    this.#startedUs = options.clock.monotonicUs();
  }

  /** Whether this process can ask it at all. */
  isInReach({ question }: AlertDefinition): boolean {
    return question.kind === 'figures' || this.#options.decisions !== null;
  }

  /** The answers at an instant, in the order of the definitions, within {@link answersWithinMs}. Never rejects. */
  async all(definitions: readonly AlertDefinition[], atMs: number): Promise<readonly Answer[]> {
    return Promise.all(definitions.map((definition) => this.#answer(definition, atMs)));
  }

  async #answer(definition: AlertDefinition, atMs: number): Promise<Answer> {
    const { question } = definition;
    if (question.kind === 'figures') return this.#figures(definition, question, atMs);
    return { definition, readings: await this.#decisions(definition, atMs), seesEnds: true };
  }

  #figures(definition: AlertDefinition, question: FigureQuestion, atMs: number): Answer {
    const { window, clock, logger } = this.#options;
    const newestAtMs = window.newestAtMs();
    const aliveMs = (clock.monotonicUs() - this.#startedUs) / 1000;
    const seesEnds = aliveMs >= question.value.windowMs;
    if (newestAtMs === null || atMs - newestAtMs > windowStaleMs) {
      // Who has only just begun to listen has not missed anything.
      const readings = aliveMs < windowStaleMs ? [] : null;
      return { definition, readings, seesEnds: false };
    }
    try {
      return { definition, readings: evaluateFigures(question, window, atMs), seesEnds };
    } catch (error) {
      logger.warn({ alert: definition.id, err: messageOf(error) }, 'an alert has no answer');
      return { definition, readings: null, seesEnds: false };
    }
  }

  async #decisions({ id, question }: AlertDefinition, atMs: number): Promise<readonly Reading[] | null> {
    const { decisions, clock, logger } = this.#options;
    if (question.kind !== 'decisions' || decisions === null) return null;
    const held = this.#held.get(id);
    const heldMs = (this.#options.heldForMs ?? heldForMs)(question.name);
    if (held !== undefined && Math.abs(clock.monotonicUs() - held.atUs) < heldMs * 1000) return held.readings;
    if (this.#running.has(id)) return null;
    this.#running.add(id);
    this.#held.delete(id);
    const asked = decisions
      .read(question.name, atMs)
      .then((readings) => {
        this.#held.set(id, { atUs: clock.monotonicUs(), readings });
        return readings;
      })
      .catch((error: unknown) => {
        logger.warn({ alert: id, err: messageOf(error) }, 'an alert has no answer');
        return null;
      })
      .finally(() => this.#running.delete(id));
    let timer = { cancel: (): void => undefined };
    const late = new Promise<null>((resolve) => {
      timer = clock.schedule(answersWithinMs, () => resolve(null));
    });
    const answer = await Promise.race([asked, late]);
    timer.cancel();
    return answer;
  }
}
