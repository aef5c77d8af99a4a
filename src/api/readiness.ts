import { type Static, Type } from 'typebox';
import type { Api } from './routing.ts';

/** One thing that a process needs, and how it is. */
export interface Dependency {
  readonly name: string;
  readonly ready: boolean;
  /** Whether the process is of no use without it. A gate decides without its store, so for a gate nothing is. */
  readonly required: boolean;
  /** For people: a lag, an age, what is wrong. */
  readonly detail: string;
}

/** `starting` and `draining` take no work, whatever the dependencies say. */
export type ProcessPhase = 'starting' | 'running' | 'draining';

/** What probes want to know of a process. Quick: a probe waits for it. */
export interface Health {
  phase(): ProcessPhase;
  dependencies(): Promise<readonly Dependency[]>;
}

const ReadinessSchema = Type.Object({
  ready: Type.Boolean(),
  phase: Type.Enum(['starting', 'running', 'draining']),
  dependencies: Type.Array(
    Type.Object({ name: Type.String(), ready: Type.Boolean(), required: Type.Boolean(), detail: Type.String() }),
  ),
});

/** Ready: running, and every required dependency is. */
export const readinessOf = async (health: Health): Promise<Static<typeof ReadinessSchema>> => {
  const phase = health.phase();
  const dependencies = [...(await health.dependencies())];
  return {
    ready: phase === 'running' && dependencies.every(({ ready, required }) => ready || !required),
    phase,
    dependencies,
  };
};

/** `GET /livez` and `GET /readyz`. */
export const probeRoutes = (api: Api, health: Health): void => {
  api.get(
    '/livez',
    {
      schema: {
        operationId: 'livez',
        summary: 'Whether the process answers at all; restart it when not',
        tags: ['probes'],
        response: { 200: Type.Object({ live: Type.Literal(true) }) },
      },
    },
    () => ({ live: true as const }),
  );
  api.get(
    '/readyz',
    {
      schema: {
        operationId: 'readyz',
        summary: 'Whether it should get work, and how each dependency is',
        tags: ['probes'],
        response: { 200: ReadinessSchema, 503: ReadinessSchema },
      },
    },
    async (_request, reply) => {
      const readiness = await readinessOf(health);
      return reply.code(readiness.ready ? 200 : 503).send(readiness);
    },
  );
};
