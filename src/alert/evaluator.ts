import type { Clock } from '../clock.ts';
import { messageOf, type TidegateError } from '../errors.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { type AlertStore, noAlerts, type StoredAlerts } from './alert-store.ts';
import { Answers, type AnswersOptions, blindAlert } from './answers.ts';
import type { AlertDefinition } from './definition.ts';
import { evaluate } from './evaluation.ts';
import { type AlertInstance, mostElapsedMs } from './instance.ts';

/** Tells whoever has to be told. Gives back the instances with what they are told to be by now. Never rejects. */
export interface Teller {
  tell(instances: readonly AlertInstance[], atMs: number): Promise<readonly AlertInstance[]>;
}

export interface EvaluatorOptions extends Omit<AnswersOptions, 'logger'> {
  readonly definitions: readonly AlertDefinition[];
  /** Alerts that say that what is stored is not fresh. */
  readonly freshness: ReadonlySet<string>;
  readonly store: AlertStore;
  readonly teller: Teller;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Names this process among the others, for as long as it lives. */
  readonly holder: string;
}

export interface EvaluatorStats {
  readonly isLeader: boolean;
  readonly evaluations: number;
  /** Evaluations in which a question had no answer, or whose result could not be kept; states that could not be read. */
  readonly failures: number;
  readonly dropped: number;
  /** Of the last one that this process made. */
  readonly durationMs: number;
  /** Null: nobody has evaluated yet, as far as this process knows. */
  readonly ageMs: number | null;
  readonly blind: number;
  readonly firing: readonly { readonly alert: string; readonly severity: string; readonly count: number }[];
}

export const evaluationPauseMs = 15_000;
/** Longer than a pause and an evaluation that takes as long as one may. */
const leaseMs = 35_000;

type Role = 'leads' | 'follows' | 'alone';

/**
 * Evaluates all alerts, in one of all processes at a time. What an evaluation comes to is kept before anybody is told, and noted as
 * told afterwards: who takes over tells again what was not noted, under the id that was kept. Without its store each process goes on
 * from what it last knew, alone.
 */
export class Evaluator {
  readonly #options: EvaluatorOptions;
  readonly #logger: Logger;
  readonly #answers: Answers;
  readonly #asked: readonly AlertDefinition[];
  #known: StoredAlerts = noAlerts;
  /** Of what lies in the store: less than what is known where the store has lost something. */
  #storedRevision = 0;
  #role: Role = 'follows';
  #lastUs: number | null = null;
  #isStopping = false;
  #working: Promise<void> | null = null;
  #endPause: () => void = () => undefined;
  #counts = { evaluations: 0, failures: 0, dropped: 0, durationMs: 0 };

  constructor(options: EvaluatorOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#answers = new Answers({ ...options, logger: this.#logger });
    this.#asked = options.definitions.filter((one) => one.id !== blindAlert && this.#answers.isInReach(one));
  }

  /** All that this process knows of alerts: what it found, or what the one that evaluates has kept. */
  get known(): StoredAlerts {
    return this.#known;
  }

  start(): void {
    this.#working ??= this.#work();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#endPause();
    await this.#working;
    if (this.#role === 'leads') await this.#quietly(this.#options.store.release(this.#options.holder));
    this.#role = 'follows';
  }

  stats(): EvaluatorStats {
    const { evaluatedAtMs, unanswered, instances } = this.#known;
    const isLeader = this.#role !== 'follows';
    const firing = isLeader ? instances.filter(({ state }) => state === 'firing') : [];
    return {
      ...this.#counts,
      isLeader,
      ageMs: evaluatedAtMs === 0 ? null : Math.max(0, this.#options.clock.nowMs() - evaluatedAtMs),
      blind: isLeader ? unanswered.length : 0,
      firing: this.#options.definitions.map(({ id, severity }) => ({
        alert: id,
        severity,
        count: firing.filter(({ alert }) => alert === id).length,
      })),
    };
  }

  /** Evaluates once, where this process is the one that does; else it looks at what the other one has kept. */
  async turn(): Promise<void> {
    const role = await this.#takeRole();
    if (role !== this.#role) this.#logger.info({ holder: this.#options.holder, role }, 'evaluating alerts');
    this.#role = role;
    if (role === 'follows' || this.#isStopping) {
      this.#lastUs = null;
      return;
    }
    const startedUs = this.#options.clock.monotonicUs();
    const isKept = await this.#evaluate(role);
    this.#counts.durationMs = (this.#options.clock.monotonicUs() - startedUs) / 1000;
    if (isKept) await this.#tell();
  }

  async #takeRole(): Promise<Role> {
    const { store, holder } = this.#options;
    try {
      const leads = await store.lead(holder, leaseMs);
      const { alerts, unfit } = await store.load();
      if (unfit === null) this.#adopt(alerts, leads);
      else this.#leave(alerts, unfit);
      return leads ? 'leads' : 'follows';
    } catch (error) {
      this.#logger.warn({ err: messageOf(error) }, 'alerts are evaluated alone: their store cannot be reached');
      return 'alone';
    }
  }

  /** What was kept counts, unless it is what this process went on from, or older: then nobody knows more than this one. */
  #adopt(stored: StoredAlerts, leads: boolean): void {
    const isNews = stored.revision > this.#known.revision;
    // What this process went on from alone, another one has gone on from, too: the one that leads is believed.
    const isTheirs = !leads && stored.revision === this.#known.revision;
    if (isNews || isTheirs) this.#known = stored;
    this.#storedRevision = stored.revision;
  }

  /** Somebody else has written there: this process goes on from what it knows, and the one that leads replaces it. */
  #leave({ revision }: StoredAlerts, unfit: TidegateError): void {
    this.#counts.failures += 1;
    this.#storedRevision = revision;
    this.#logger.warn({ err: unfit.message, revision }, 'what is kept of alerts cannot be read, and is replaced');
  }

  async #evaluate(role: Role): Promise<boolean> {
    const { clock, definitions, freshness } = this.#options;
    const atMs = clock.nowMs();
    const answers = await this.#answers.all(this.#asked, atMs);
    if (this.#isStopping) return false;
    const before = this.#known;
    const blind = definitions.find(({ id }) => id === blindAlert) ?? null;
    const found = evaluate({ before, answers, blind, freshness, atMs, elapsedMs: this.#elapsedMs(before, atMs) });
    this.#lastUs = clock.monotonicUs();
    this.#counts.evaluations += 1;
    this.#counts.dropped += found.dropped;
    if (found.unanswered.length > 0) this.#counts.failures += 1;
    const { instances, unanswered } = found;
    const next = { revision: before.revision + 1, evaluatedAtMs: atMs, unanswered, instances };
    return role === 'alone' ? this.#goOn(next) : this.#keep(next);
  }

  /** Without its store: it stays at the revision that it went on from, so that the next one that is kept is told apart. */
  #goOn(next: StoredAlerts): true {
    this.#known = { ...next, revision: next.revision - 1 };
    return true;
  }

  /** False: another process has kept something meanwhile, and tells of it. */
  async #keep(next: StoredAlerts): Promise<boolean> {
    try {
      const isKept = await this.#options.store.save(next, this.#storedRevision);
      if (isKept) this.#known = next;
      else this.#logger.warn({ revision: next.revision }, 'another process evaluates alerts: this evaluation is left');
      return isKept;
    } catch (error) {
      this.#counts.failures += 1;
      this.#logger.warn({ err: messageOf(error) }, 'what alerts came to cannot be kept: they are told all the same');
      return this.#goOn(next);
    }
  }

  async #tell(): Promise<void> {
    const { revision } = this.#known;
    const instances = await this.#options.teller.tell(this.#known.instances, this.#known.evaluatedAtMs);
    // Noted with the next evaluation: until then the same would be told under the same id.
    if (this.#known.revision === revision) this.#known = { ...this.#known, instances };
  }

  /** By a clock that nobody sets, and where this process was not the last to evaluate, by the other's. */
  #elapsedMs({ evaluatedAtMs }: StoredAlerts, atMs: number): number {
    if (evaluatedAtMs === 0) return 0;
    const passedMs =
      this.#lastUs === null ? atMs - evaluatedAtMs : (this.#options.clock.monotonicUs() - this.#lastUs) / 1000;
    return Math.min(mostElapsedMs, Math.max(0, passedMs));
  }

  async #work(): Promise<void> {
    // A process that has just begun knows nothing yet, and has other things to do.
    await this.#pause();
    while (!this.#isStopping) {
      await this.#quietly(this.turn());
      await this.#pause();
    }
  }

  async #quietly(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#counts.failures += 1;
      this.#logger.error({ err: messageOf(error) }, 'alerts could not be evaluated');
    }
  }

  #pause(): Promise<void> {
    if (this.#isStopping) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#options.clock.schedule(evaluationPauseMs, resolve);
      this.#endPause = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}
