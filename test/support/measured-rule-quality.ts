import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { networkOf } from '../../src/address.ts';
import { clientKeyOf } from '../../src/client.ts';
import { ManualClock, systemClock } from '../../src/clock.ts';
import type { RuleSet } from '../../src/detect/rule.ts';
import { parseRules } from '../../src/detect/rules.ts';
import { MemoryBlockList } from '../../src/embedded/memory-block-list.ts';
import { MemoryEventLog } from '../../src/embedded/memory-event-log.ts';
import { createGate } from '../../src/gate/gate.ts';
import { MemoryLimitStore } from '../../src/limiter/memory-limit-store.ts';
import { parsePolicies } from '../../src/policy/parse.ts';
import type { PolicySet } from '../../src/policy/policy.ts';
import { staticPolicies } from '../../src/policy/static-source.ts';
import { readAccessLogs } from '../../src/replay/access-log.ts';
import type { LoggedRequest } from '../../src/replay/access-log-line.ts';
import { loggedRequests } from '../../src/replay/lock-step.ts';
import { gotFrom } from '../../src/replay/scenario-judge.ts';
import { runScenario } from '../../src/replay/scenario-run.ts';
import type { HandLabel } from './hand-labels.ts';
import { type LogClient, logClients } from './log-clients.ts';
import { judgedClients, type RuleQuality, ruleQualityOf } from './rule-quality.ts';

const shipped = (name: string): string => readFileSync(new URL(`../../policies/${name}`, import.meta.url), 'utf8');

/** Subject key → names of the rules that blocked it. What is proposed or in shadow blocks nobody. */
const blocksOf = async (requests: readonly LoggedRequest[], policies: PolicySet, rules: RuleSet) => {
  const outcome = await runScenario({
    ...{ policies, rules, allow: [], startMs: 0, wallClock: systemClock },
    input: { kind: 'access-log', requests },
    open: (clock) => ({ blockList: new MemoryBlockList({ clock }), log: new MemoryEventLog({ clock }) }),
  });
  const rulesOf = new Map<string, Set<string>>();
  for (const { subject, rule } of gotFrom(outcome).blocks) {
    rulesOf.set(subject, (rulesOf.get(subject) ?? new Set()).add(rule));
  }
  return rulesOf;
};

/** Client key → denials of the limits alone. */
const denialsOf = async (requests: readonly LoggedRequest[], policies: PolicySet): Promise<Map<string, number>> => {
  const clock = new ManualClock(requests[0]?.timeMs ?? 0);
  const gate = createGate({
    ...{ policies: staticPolicies(policies), store: new MemoryLimitStore({ clock }), clock },
    ...{ leases: false, denyCache: false, notifiesClients: false, random: () => 0.5 },
  });
  const denials = new Map<string, number>();
  const source = loggedRequests(requests);
  for (let step = source.next(); step; step = source.next()) {
    clock.setMs(step.timeMs);
    for (const request of step.requests) {
      const { outcome, client } = await gate.check(request);
      const key = clientKeyOf(client);
      if (outcome === 'denied') denials.set(key, (denials.get(key) ?? 0) + 1);
    }
  }
  await gate.close();
  return denials;
};

const keyOf = ({ address }: LogClient): string => clientKeyOf({ kind: 'ip', id: networkOf(address) ?? address });

/** What blocked the clients of the log, by rank. A block of anything but a client of the log is a mistake. */
const byRank = (clients: readonly LogClient[], rulesOf: ReadonlyMap<string, ReadonlySet<string>>) => {
  const rankOf = new Map(clients.map((client) => [keyOf(client), client.rank]));
  return new Map(
    [...rulesOf].map(([subject, names]): [number, string[]] => {
      const rank = rankOf.get(subject);
      if (rank === undefined) throw new Error('a block of a whole network: say whom of the labelled it hits');
      return [rank, [...names].sort()];
    }),
  );
};

/** Replays an access log through the shipped policies and rules, and compares with the labels. */
export const measureRuleQuality = async (file: string, labelled: readonly HandLabel[]): Promise<RuleQuality> => {
  const { requests } = await readAccessLogs({ files: [file], stdin: Readable.from([]) });
  const [policies, rules] = [parsePolicies(shipped('policies.yaml')), parseRules(shipped('rules.yaml'))];
  const clients = logClients(requests);
  const blockedBy = byRank(clients, await blocksOf(requests, policies, rules));
  const denials = await denialsOf(requests, policies);
  const found = clients.map((client) => {
    const { rank } = client;
    return [
      rank,
      { ...client, denied: denials.get(keyOf(client)) ?? 0, blockedBy: blockedBy.get(rank) ?? [] },
    ] as const;
  });
  return ruleQualityOf(judgedClients(labelled, new Map(found)), {
    log: { name: 'nginx-2025', requests: requests.length, clients: clients.length },
    rules: rules.rules.map(({ name, mode }) => ({ name, mode })),
    blockedBy,
  });
};
