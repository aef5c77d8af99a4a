import type { Contest, Facet } from '../contest.ts';
import { type Fault, faults, openScene } from './faults.ts';
import { openOurs } from './ours.ts';
import { boundOf, playRound } from './round.ts';
import { openTheirs } from './theirs.ts';

/** Before the fault, then during it; `without-store` is the degraded share. */
const facets: readonly Facet[] = [
  { name: 'calm-p50', unit: 'us', better: 'lower' },
  { name: 'calm-p99', unit: 'us', better: 'lower' },
  { name: 'p50', unit: 'us', better: 'lower' },
  { name: 'p99', unit: 'us', better: 'lower' },
  { name: 'without-store', unit: 'share of decisions', better: 'lower' },
  { name: 'admitted-of-bound', unit: 'share of the bound', better: 'lower' },
  { name: 'recovery', unit: 'ms', better: 'lower' },
];

const contestOf = (fault: Fault): Contest => ({
  name: fault.name,
  unit: '',
  better: 'lower',
  facets,
  reference: 'rate-limiter-flexible, RLWrapperTimeouts and RateLimiterMemory as insurance',
  aim: null,
  about: `${fault.about} Bound of what one client may be admitted: ${boundOf(fault)} times its limit, once ${fault.forgets ? 'by each life of the store' : 'by the store'} and once by the shares of four gates.`,
  // Two to five seconds for each side.
  maxRounds: 3,
  open: async () => {
    const scene = await openScene();
    return {
      ours: () => playRound(openOurs, fault, scene),
      theirs: () => playRound(openTheirs, fault, scene),
      close: () => scene.close(),
    };
  },
});

/** What a decision costs, and what it is worth, while Redis fails. */
export const failure: readonly Contest[] = faults.map(contestOf);
