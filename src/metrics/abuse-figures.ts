import type { RelaySource, RuleStateSource } from './observed.ts';
import { Watched } from './watched.ts';

export const watchedRelays = () =>
  new Watched({
    look: (relay: RelaySource) => relay.stats(),
    figures: [
      { instrument: 'relayLag', combination: 'largest', of: ({ lagMs }) => lagMs / 1000 },
      { instrument: 'relayLeaders', combination: 'sum', of: ({ isLeader }) => (isLeader ? 1 : 0) },
      { instrument: 'relayPublished', combination: 'total', of: ({ published }) => published },
      { instrument: 'relayLost', combination: 'total', of: ({ lost }) => lost },
      { instrument: 'relayFailures', combination: 'total', of: ({ failures }) => failures },
    ],
  });

const opening = { closed: 0, 'half-open': 0.5, open: 1 } as const;

export const watchedRuleStates = () =>
  new Watched({
    look: (state: RuleStateSource) => state.stats(),
    figures: [
      {
        instrument: 'switchedOff',
        combination: 'largest',
        of: ({ switchedOff }) => ({
          by: 'tidegate.what',
          numbers: switchedOff.map(({ what, isOff }) => [what, isOff ? 1 : 0] as const),
        }),
      },
      {
        instrument: 'ruleBreakerOpen',
        combination: 'largest',
        of: ({ breakers }) => ({
          by: 'tidegate.rule',
          numbers: breakers.map(({ rule, state }) => [rule, opening[state]] as const),
        }),
      },
      {
        instrument: 'ruleBlocks',
        combination: 'largest',
        of: ({ breakers }) => ({
          by: 'tidegate.rule',
          numbers: breakers.map(({ rule, blocks }) => [rule, blocks] as const),
        }),
      },
    ],
  });
