import type { Client } from '../client.ts';
import { parseRoutePattern } from '../route-pattern.ts';
import type { Policy } from './policy.ts';

/** What a request is told apart by, besides its path. */
export interface KeyedSubject {
  readonly method: string;
  readonly tenant: string;
  readonly plan?: string;
  readonly service?: string;
  readonly client: Client;
}

/** Names → 1, 2, 3 …; what is not among them is 0. Null: nobody asks. */
type Numbers = ReadonlyMap<string, number> | null;

const numbersOf = (names: Iterable<string>): Numbers => {
  const numbers = new Map<string, number>();
  for (const name of names) if (!numbers.has(name)) numbers.set(name, numbers.size + 1);
  return numbers.size === 0 ? null : numbers;
};

const namedIn = (policies: readonly Policy[], list: 'tenants' | 'plans' | 'services'): Numbers =>
  numbersOf(policies.flatMap(({ match }) => match[list] ?? []));

const methodsIn = (policies: readonly Policy[]): Numbers => {
  const patterns = policies.flatMap(({ match }) => (match.routes ?? []).map(parseRoutePattern));
  const named = patterns.flatMap((pattern) =>
    typeof pattern === 'string' || pattern.method === '*' ? [] : [pattern.method],
  );
  // A HEAD meets what is for GET, and so differs from methods that nobody names.
  return numbersOf(named.includes('GET') ? [...named, 'HEAD'] : named);
};

const kindNumbers = { key: 0, user: 1, ip: 2 } as const;

const sizeOf = (numbers: Numbers): number => (numbers === null ? 1 : numbers.size + 1);

/**
 * One whole number for all requests that the policies cannot tell apart by anything but their path: names that no policy
 * mentions are one, so that there are few numbers however many tenants there are.
 */
export class MatchKeys {
  readonly #methods: Numbers;
  readonly #tenants: Numbers;
  readonly #plans: Numbers;
  readonly #services: Numbers;
  readonly #kinds: boolean;
  readonly #tenantSize: number;
  readonly #planSize: number;
  readonly #serviceSize: number;
  /** Whether every key is exact. There are combinations beyond what a number can hold. */
  readonly fit: boolean;

  constructor(policies: readonly Policy[]) {
    this.#methods = methodsIn(policies);
    this.#tenants = namedIn(policies, 'tenants');
    this.#plans = namedIn(policies, 'plans');
    this.#services = namedIn(policies, 'services');
    this.#kinds = policies.some(({ match }) => match.clientKinds !== undefined);
    this.#tenantSize = sizeOf(this.#tenants);
    this.#planSize = sizeOf(this.#plans);
    this.#serviceSize = sizeOf(this.#services);
    const all = sizeOf(this.#methods) * this.#tenantSize * this.#planSize * this.#serviceSize * 3;
    this.fit = Number.isSafeInteger(all);
  }

  of(subject: KeyedSubject): number {
    let key = this.#methods === null ? 0 : (this.#methods.get(subject.method) ?? 0);
    if (this.#tenants !== null) key = key * this.#tenantSize + (this.#tenants.get(subject.tenant) ?? 0);
    if (this.#plans !== null) key = key * this.#planSize + (this.#plans.get(subject.plan ?? '') ?? 0);
    if (this.#services !== null) key = key * this.#serviceSize + (this.#services.get(subject.service ?? '') ?? 0);
    return this.#kinds ? key * 3 + kindNumbers[subject.client.kind] : key;
  }
}
