import { describe, expect, it } from 'vitest';
import { type Answer, type Behaviour, type PersonaRequest, personas, type Turn } from '../../../src/demo/personas.ts';

/** Repeatable chance: a linear congruential generator. */
const chance = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

const behaviourOf = (name: string, seed = 7): Behaviour => {
  const persona = personas.find((candidate) => candidate.name === name);
  if (!persona) throw new Error(`there is no ${name}`);
  return persona.behave(chance(seed));
};

const passed: Answer = { status: 200, retryAfterMs: null };
const denied = (retryAfterMs: number): Answer => ({ status: 429, retryAfterMs });

/** Turns until `untilMs`, each answered by `answer`. */
const play = (behaviour: Behaviour, untilMs: number, answer: (request: PersonaRequest) => Answer): Turn[] => {
  const turns: Turn[] = [];
  let answers: readonly Answer[] = [];
  for (let nowMs = 0; nowMs < untilMs; ) {
    const turn = behaviour.next(answers).value;
    turns.push(turn);
    nowMs += turn.waitMs;
    answers = turn.requests.map(answer);
  }
  return turns;
};
const requestsOf = (turns: readonly Turn[]): PersonaRequest[] => turns.flatMap(({ requests }) => requests);

describe('the visitors of the demo', () => {
  it('come from documentation networks, each from its own address', () => {
    const addresses = personas.map(({ address }) => address);
    expect(new Set(addresses).size).toBe(personas.length);
    for (const address of addresses) expect(address).toMatch(/^(?:198\.51\.100|203\.0\.113)\./);
  });

  it('never stop behaving, whatever they are answered', () => {
    for (const persona of personas) {
      for (const answer of [passed, denied(1000), { status: 0, retryAfterMs: null }]) {
        const behaviour = persona.behave(chance(3));
        for (let turn = 0; turn < 200; turn += 1) {
          const { value, done } = behaviour.next(Array(40).fill(answer));
          expect(done).toBe(false);
          expect(value.waitMs).toBeGreaterThanOrEqual(0);
        }
      }
    }
  });

  it.each(['polite', 'bursty'])('%s waits at least as long as it was told before it asks again', (name) => {
    const behaviour = behaviourOf(name);
    let turn = behaviour.next([]).value;
    for (let round = 0; round < 50; round += 1) {
      const told = 1000 + round * 10;
      turn = behaviour.next(turn.requests.map(() => denied(told))).value;
      if (turn.requests.length > 0) expect(turn.waitMs).toBeGreaterThanOrEqual(told);
    }
  });

  it('storm does not wait, whatever it was told', () => {
    const turns = play(behaviourOf('storm'), 10_000, () => denied(60_000));
    expect(requestsOf(turns).length).toBeGreaterThan(80);
  });

  it('steady stays far below two requests a second', () => {
    expect(requestsOf(play(behaviourOf('steady'), 60_000, () => passed)).length).toBeLessThan(90);
  });

  it('stuffer knows one route, scanner many', () => {
    const routesOf = (name: string): number =>
      new Set(requestsOf(play(behaviourOf(name), 10_000, () => passed)).map(({ method, path }) => `${method} ${path}`))
        .size;
    expect(routesOf('stuffer')).toBe(1);
    expect(routesOf('scanner')).toBeGreaterThan(40);
  });

  it('bursty sends again what was refused, and nothing else, before the next burst', () => {
    const behaviour = behaviourOf('bursty');
    const burst = behaviour.next([]).value.requests;
    const answers = burst.map((_, index) => (index < 3 ? denied(500) : passed));
    const retried: PersonaRequest[] = [];
    let turn = behaviour.next(answers).value;
    while (turn.requests.length > 0) {
      retried.push(...turn.requests);
      turn = behaviour.next([passed]).value;
    }
    expect(retried).toEqual(burst.slice(0, 3));
  });
});
