import type { LearningSource, ReviewQueueSource } from './observed.ts';
import { Watched } from './watched.ts';

export const watchedLearning = () =>
  new Watched({
    look: (learning: LearningSource) => learning.stats(),
    figures: [
      { instrument: 'reviewDemotions', combination: 'total', of: ({ demotions }) => demotions },
      { instrument: 'reviewFailures', combination: 'total', of: ({ failures }) => failures },
    ],
  });

export const watchedReviewQueues = () =>
  new Watched({
    look: (queue: ReviewQueueSource) => queue.stats(),
    figures: [
      { instrument: 'reviewWaiting', combination: 'largest', of: ({ waiting }) => waiting },
      {
        instrument: 'reviewOldestWait',
        combination: 'largest',
        of: ({ oldestWaitMs }) => (oldestWaitMs === null ? null : oldestWaitMs / 1000),
      },
    ],
  });
