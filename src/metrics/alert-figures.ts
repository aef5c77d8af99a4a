import type { DelivererSource } from './observed.ts';
import { Watched } from './watched.ts';

export const watchedDeliverers = () =>
  new Watched({
    look: (deliverer: DelivererSource) => deliverer.stats(),
    figures: [
      { instrument: 'webhooksDelivered', combination: 'total', of: ({ delivered }) => delivered },
      { instrument: 'webhooksFailures', combination: 'total', of: ({ failures }) => failures },
      { instrument: 'webhooksGivenUp', combination: 'total', of: ({ givenUp }) => givenUp },
      { instrument: 'webhooksDropped', combination: 'largest', of: (told) => (told.isLeader ? told.dropped : null) },
      { instrument: 'webhooksWaiting', combination: 'largest', of: (told) => (told.isLeader ? told.waiting : null) },
      { instrument: 'webhooksDisabled', combination: 'largest', of: (told) => (told.isLeader ? told.disabled : null) },
      { instrument: 'webhooksLeaders', combination: 'sum', of: ({ isLeader }) => (isLeader ? 1 : 0) },
    ],
  });
