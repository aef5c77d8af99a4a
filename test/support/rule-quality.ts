import { deservesBlock, type HandLabel, type Label, labels } from './hand-labels.ts';

/** A labelled client and what came of it. */
export interface JudgedClient {
  readonly rank: number;
  readonly label: Label;
  readonly requests: number;
  readonly peakPerMinute: number;
  readonly distinctPaths: number;
  /** Requests that the limits alone refuse, with no block in the way. */
  readonly denied: number;
  /** Names of the rules that blocked it, each once. */
  readonly blockedBy: readonly string[];
}

export interface LabelCounts {
  readonly label: Label;
  readonly clients: number;
  /** Of these, with at least one denial: all that a rule can see. */
  readonly denied: number;
  readonly blocked: number;
}

/** Clients that were blocked: rightly, wrongly, and those of whom nobody knows. */
export interface BlockedCounts {
  readonly right: number;
  readonly wrong: number;
  readonly unsure: number;
  /** Not among the labelled. */
  readonly unlabelled: number;
}

export interface RuleCounts extends BlockedCounts {
  readonly name: string;
  readonly mode: string;
}

export const baselineScores = ['denied', 'peakPerMinute', 'distinctPaths'] as const;
export type BaselineScore = (typeof baselineScores)[number];

/** Everybody blocked whose score is at least this. */
export interface Baseline {
  readonly score: BaselineScore;
  /** `balanced`: highest F1; `careful`: most right ones without a wrong one. */
  readonly chosen: 'balanced' | 'careful';
  /** Null: no threshold spares everybody who is to be spared and still meets one. */
  readonly atLeast: number | null;
  readonly right: number;
  readonly wrong: number;
}

export interface DeniedClient {
  readonly rank: number;
  readonly denied: number;
}

/** What docs/rule-quality.json holds. */
export interface RuleQuality {
  readonly log: { readonly name: string; readonly requests: number; readonly clients: number };
  readonly labels: readonly LabelCounts[];
  readonly blocked: BlockedCounts;
  readonly rules: readonly RuleCounts[];
  /** Requests of the clients that deserve a block, of those among them that got one, and of the busiest of these. */
  readonly requests: { readonly deserving: number; readonly blocked: number; readonly busiest: number };
  readonly wrong: readonly { readonly rank: number; readonly rules: readonly string[] }[];
  readonly missed: readonly DeniedClient[];
  /** Clients that deserve no block and got none, although limits denied them: what a rule must tell from the others. */
  readonly spared: readonly DeniedClient[];
  readonly baselines: readonly Baseline[];
}

/** What there is to know of a log besides its labels. */
export interface Outcome {
  readonly log: RuleQuality['log'];
  readonly rules: readonly { readonly name: string; readonly mode: string }[];
  /** Of every client of the log that a rule blocked, labelled or not. */
  readonly blockedBy: ReadonlyMap<number, readonly string[]>;
}

const f1 = (right: number, wrong: number, deserving: number): number => (2 * right) / (right + wrong + deserving);

const caught = (clients: readonly JudgedClient[], score: BaselineScore, atLeast: number) => {
  const hit = clients.filter((client) => client[score] >= atLeast);
  const right = hit.filter(({ label }) => deservesBlock(label)).length;
  return { score, atLeast, right, wrong: hit.length - right };
};

/** Thresholds are chosen on the very labels they are judged by: they flatter. */
const baselinesOf = (clients: readonly JudgedClient[]): Baseline[] => {
  const deserving = clients.filter(({ label }) => deservesBlock(label)).length;
  return baselineScores.flatMap((score): Baseline[] => {
    const thresholds = [...new Set(clients.map((client) => Math.max(1, client[score])))].sort((a, b) => b - a);
    const tried = thresholds.map((atLeast) => caught(clients, score, atLeast));
    const worth = ({ right, wrong }: { right: number; wrong: number }): number => f1(right, wrong, deserving);
    const [first, ...others] = tried;
    const nobody = { score, atLeast: null, right: 0, wrong: 0 };
    const balanced = first ? others.reduce((best, one) => (worth(one) > worth(best) ? one : best), first) : nobody;
    const spotless = tried.filter(({ right, wrong }) => wrong === 0 && right > 0);
    return [
      { ...balanced, chosen: 'balanced' },
      { ...(spotless.at(-1) ?? nobody), chosen: 'careful' },
    ];
  });
};

const countBlocked = (ranks: readonly number[], labelOf: ReadonlyMap<number, Label>): BlockedCounts => {
  const counts = { right: 0, wrong: 0, unsure: 0, unlabelled: 0 };
  for (const rank of ranks) {
    const label = labelOf.get(rank);
    if (label === undefined) counts.unlabelled += 1;
    else counts[label === 'unsure' ? 'unsure' : deservesBlock(label) ? 'right' : 'wrong'] += 1;
  }
  return counts;
};

const isBlocked = ({ blockedBy }: JudgedClient): boolean => blockedBy.length > 0;

/** Precision, recall and errors of a replay, as counts: intervals are for whoever prints them. */
export const ruleQualityOf = (clients: readonly JudgedClient[], { log, rules, blockedBy }: Outcome): RuleQuality => {
  const labelOf = new Map(clients.map(({ rank, label }) => [rank, label]));
  const blockedRanks = [...blockedBy.keys()];
  const ranksOf = (rule: string): number[] => blockedRanks.filter((rank) => blockedBy.get(rank)?.includes(rule));
  const deserving = clients.filter(({ label }) => deservesBlock(label));
  const unblocked = (deserve: boolean): DeniedClient[] =>
    clients
      .filter((client) => deservesBlock(client.label) === deserve && !isBlocked(client))
      .map(({ rank, denied }) => ({ rank, denied }));
  const requestsOf = (of: readonly JudgedClient[]): number => of.reduce((sum, { requests }) => sum + requests, 0);
  return {
    log,
    labels: labels.map((label) => {
      const those = clients.filter((client) => client.label === label);
      const denied = those.filter((client) => client.denied > 0).length;
      return { label, clients: those.length, denied, blocked: those.filter(isBlocked).length };
    }),
    blocked: countBlocked(blockedRanks, labelOf),
    rules: rules.map(({ name, mode }) => ({ name, mode, ...countBlocked(ranksOf(name), labelOf) })),
    requests: {
      deserving: requestsOf(deserving),
      blocked: requestsOf(deserving.filter(isBlocked)),
      busiest: Math.max(0, ...deserving.filter(isBlocked).map(({ requests }) => requests)),
    },
    wrong: clients
      .filter((client) => isBlocked(client) && deservesBlock(client.label) === false)
      .map((client) => ({ rank: client.rank, rules: client.blockedBy })),
    missed: unblocked(true),
    spared: unblocked(false).filter(({ denied }) => denied > 0),
    baselines: baselinesOf(clients.filter(({ label }) => deservesBlock(label) !== null)),
  };
};

/** The labels with their clients; a label without a client is a mistake. */
export const judgedClients = (
  given: readonly HandLabel[],
  found: ReadonlyMap<number, Omit<JudgedClient, 'label'>>,
): JudgedClient[] =>
  given.map(({ rank, label }) => {
    const client = found.get(rank);
    if (!client) throw new Error(`the log has no client ${rank}`);
    return { ...client, label };
  });
