import { type Cause, causes } from '../../../src/alert/definition.ts';
import { causeOf } from '../../../src/alert/spike/cause.ts';
import { type Chance, chanceOf, seedOf } from './chance.ts';

/** What a spike of one cause looks like, drawn anew for each: clients that share the denials, and what stands beside them. */
interface Drawn {
  readonly deniedByClient: readonly number[];
  readonly earlyShare: number;
  readonly degradedDenialShare: number;
  readonly tightenedPolicies: number;
}

const between = (chance: Chance, low: number, high: number): number => low + (high - low) * chance.next();

/** Of many clients some are denied far more often than others. */
const skewed = (chance: Chance, clients: number, denied: number): number[] => {
  const weights = Array.from({ length: clients }, () => Math.exp(between(chance, 0.3, 1.2) * chance.normal()));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => chance.poisson((denied * weight) / sum));
};

const ordinary = (chance: Chance): Drawn => ({
  deniedByClient: skewed(chance, Math.round(between(chance, 10, 300)), between(chance, 90, 3000)),
  earlyShare: between(chance, 0, 0.45),
  degradedDenialShare: chance.next() < 0.1 ? between(chance, 0, 0.2) : 0,
  // Somebody lowers some other limit in the same quarter of an hour.
  tightenedPolicies: chance.next() < 0.05 ? 1 : 0,
});

const draw: Readonly<Record<Cause, (chance: Chance) => Drawn>> = {
  'one-client': (chance) => {
    const others = ordinary(chance);
    const rest = others.deniedByClient.reduce((sum, denied) => sum + denied, 0);
    // One client uses up what it shares with others: they are denied as well.
    const share = between(chance, 0.45, 0.95);
    return { ...others, deniedByClient: [...others.deniedByClient, Math.round((rest * share) / (1 - share))] };
  },
  // One record in twenty is stored without its policies, and counts as tightened; one comes later than the spike is told.
  'policy-change': (chance) => ({ ...ordinary(chance), tightenedPolicies: chance.next() < 0.05 ? 0 : 1 }),
  'retry-storm': (chance) => ({ ...ordinary(chance), earlyShare: between(chance, 0.45, 0.95) }),
  'store-fault': (chance) => ({
    ...ordinary(chance),
    // All gates, or some of them.
    degradedDenialShare: chance.next() < 0.7 ? between(chance, 0.9, 1) : between(chance, 0.4, 0.9),
    earlyShare: between(chance, 0, 0.7),
  }),
  'real-demand': ordinary,
};

/** Of spikes of each cause, in the order of {@link causes}: how many are attributed to each. */
export const measureCauses = (trials: number): readonly (readonly number[])[] =>
  causes.map((cause, row) => {
    const counts = causes.map(() => 0);
    for (let index = 0; index < trials; index += 1) {
      const { deniedByClient, ...numbers } = draw[cause](chanceOf(seedOf(77, row, index)));
      const denied = deniedByClient.reduce((sum, count) => sum + count, 0);
      const topClientShare = Math.max(...deniedByClient) / Math.max(1, denied);
      const found = causes.indexOf(causeOf({ ...numbers, topClientShare }));
      counts[found] = (counts[found] ?? 0) + 1;
    }
    return counts;
  });
