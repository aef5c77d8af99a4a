import type { Client } from '../client.ts';
import { TidegateError } from '../errors.ts';
import { callback, checkOptions, flag, having, kindOf, optional, positive } from '../option-checks.ts';

const checks = {
  policies: having('current', 'come from definePolicies() or watchPolicyFile()'),
  store: having('spend', 'be a store, such as new MemoryLimitStore()'),
  secondary: optional(having('spend', 'be a store')),
  blockList: optional(having('find')),
  events: optional(having('record')),
  observer: optional(having('decided')),
  random: optional(callback),
  liveGates: optional(callback),
  deadlineMs: optional(positive),
  leases: optional(flag),
  denyCache: optional(flag),
  notifiesClients: optional(flag),
};

/** Throws CONFIG_INVALID: callers without types are told at the start. */
export const checkGateOptions = (options: unknown): void => checkOptions('createGate()', options, checks);

const refused = (what: string): TidegateError => new TidegateError('INPUT_INVALID', `check(): ${what}`);

/**
 * The client that limits are keyed by. What is no text would match no policy that names routes, and pass. Throws
 * INPUT_INVALID.
 */
export const leadingClient = (
  { method, path }: { readonly method: string; readonly path: string },
  clients: readonly Client[],
): Client => {
  if (typeof method !== 'string') throw refused(`\`method\` must be text, is ${kindOf(method)}`);
  if (typeof path !== 'string') throw refused(`\`path\` must be text, is ${kindOf(path)}`);
  if (!Array.isArray(clients)) throw refused(`\`clients\` must be a list, is ${kindOf(clients)}`);
  const [client]: readonly Client[] = clients;
  if (client === undefined) throw new TidegateError('INPUT_INVALID', 'check() needs at least one client');
  if (typeof client?.id !== 'string') throw refused(`\`clients\` must come from clientOf(), has ${kindOf(client)}`);
  return client;
};
