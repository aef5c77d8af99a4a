import type { Dependency, Health, ProcessPhase } from '../api/readiness.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';

/** One dependency and how to look at it: resolves with a detail for people when it is well, else rejects. */
export interface Look {
  readonly name: string;
  readonly required: boolean;
  look(): Promise<string>;
}

const lookMs = 2000;
/** A probe or a page that asks more often gets the last answer again: nobody can load the engines through them. */
const keptMs = 1000;
const maxDetailLength = 200;

const within = async <T>(clock: Clock, limitMs: number, work: Promise<T>): Promise<T> => {
  let giveUp: (error: Error) => void = () => undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    giveUp = reject;
  });
  const timer = clock.schedule(limitMs, () => giveUp(new Error(`no answer within ${limitMs} ms`)));
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    timer.cancel();
  }
};

/** `ask`, at most once per {@link keptMs}; those who ask meanwhile share the answer. */
export const sharing = <T>(clock: Clock, ask: () => Promise<T>): (() => Promise<T>) => {
  let answer: Promise<T> | null = null;
  let askedAtUs = 0;
  return () => {
    const nowUs = clock.monotonicUs();
    if (answer === null || nowUs - askedAtUs >= keptMs * 1000) {
      askedAtUs = nowUs;
      answer = ask();
    }
    return answer;
  };
};

const dependencyOf = async (clock: Clock, { name, required, look }: Look): Promise<Dependency> => {
  try {
    return { name, required, ready: true, detail: await within(clock, lookMs, look()) };
  } catch (error) {
    return { name, required, ready: false, detail: messageOf(error).slice(0, maxDetailLength) };
  }
};

export interface HealthOptions {
  readonly clock: Clock;
  readonly phase: () => ProcessPhase;
  readonly looks: readonly Look[];
  /** Applied to every detail: probes answer anybody. */
  readonly redact: (text: string) => string;
}

/** The health of a process from looks at what it needs, each bounded in time. */
export const createHealth = ({ clock, phase, looks, redact }: HealthOptions): Health => ({
  phase,
  dependencies: sharing(clock, async () => {
    const dependencies = await Promise.all(looks.map((look) => dependencyOf(clock, look)));
    return dependencies.map((dependency) => ({ ...dependency, detail: redact(dependency.detail) }));
  }),
});
