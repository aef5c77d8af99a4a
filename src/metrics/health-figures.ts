import type { HealthSource } from './observed.ts';
import { Watched } from './watched.ts';

export const watchedHealth = () =>
  new Watched({
    look: (health: HealthSource) => health.stats(),
    figures: [
      { instrument: 'healthPublished', combination: 'total', of: ({ published }) => published },
      { instrument: 'healthDropped', combination: 'total', of: ({ dropped, omitted }) => dropped + omitted },
      { instrument: 'healthFailures', combination: 'total', of: ({ failures }) => failures },
    ],
  });
