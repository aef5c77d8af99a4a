import { Type } from 'typebox';
import { RequestFailure } from './problem.ts';
import { type Api, problemResponses } from './routing.ts';

/** Of Prometheus' text format; without the version a strict scraper refuses it. */
const contentType = 'text/plain; version=0.0.4; charset=utf-8';

/** `GET /metrics`. `scrape`: the text; null: this process cannot tell. */
export const metricsRoute = (api: Api, scrape: (() => Promise<string>) | null): void => {
  api.get(
    '/metrics',
    {
      schema: {
        operationId: 'metrics',
        summary: 'What this process measures, for Prometheus',
        tags: ['probes'],
        response: {
          200: { description: 'Text format 0.0.4', content: { 'text/plain': { schema: Type.String() } } },
          ...problemResponses(503),
        },
      },
    },
    async (_request, reply) => {
      if (!scrape) {
        const detail = 'Install @opentelemetry/sdk-metrics and @opentelemetry/exporter-prometheus beside tidegate.';
        throw new RequestFailure('unavailable', detail);
      }
      return reply.type(contentType).send(await scrape());
    },
  );
};
