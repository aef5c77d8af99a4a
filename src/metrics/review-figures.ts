import type { LearningSource } from './observed.ts';
import { Watched } from './watched.ts';

export const watchedLearning = () =>
  new Watched({
    look: (learning: LearningSource) => learning.stats(),
    figures: [
      { instrument: 'reviewDemotions', combination: 'total', of: ({ demotions }) => demotions },
      { instrument: 'reviewFailures', combination: 'total', of: ({ failures }) => failures },
    ],
  });
