import { Type } from 'typebox';
import { asOpenMetrics, openMetricsContentType, textContentType, wantsOpenMetrics } from '../metrics/open-metrics.ts';
import { RequestFailure } from './problem.ts';
import { type Api, problemResponses } from './routing.ts';

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
          200: {
            description: 'Text format 0.0.4, or OpenMetrics 1.0 for who would rather have that',
            content: {
              'text/plain': { schema: Type.String() },
              'application/openmetrics-text': { schema: Type.String() },
            },
          },
          ...problemResponses(503),
        },
      },
    },
    async (request, reply) => {
      if (!scrape) {
        const detail = 'Install @opentelemetry/sdk-metrics and @opentelemetry/exporter-prometheus beside tidegate.';
        throw new RequestFailure('unavailable', detail);
      }
      const text = await scrape();
      const isOpen = wantsOpenMetrics(request.headers.accept);
      reply.header('vary', 'Accept').type(isOpen ? openMetricsContentType : textContentType);
      return reply.send(isOpen ? asOpenMetrics(text) : text);
    },
  );
};
