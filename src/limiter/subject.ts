import type { LimitKey } from './limit-store.ts';

/** Between parts: no id holds a control character, and what does is escaped. */
const separator = '\u0000';

const part = (name: string, text: string | undefined): string => {
  if (text === undefined) return '';
  const safe = text.includes(separator) ? JSON.stringify(text) : text;
  return `${name}${safe}${separator}`;
};

/**
 * What a counter is about within its policy, as one string; never the same for two. Most counters are a client's alone: its
 * key is subject enough. The other form starts with a separator, which no client's does.
 */
export const subjectOf = (key: LimitKey): string => {
  const { client, tenant, plan, service, route, address, network } = key;
  const more =
    tenant !== undefined ||
    plan !== undefined ||
    service !== undefined ||
    route !== undefined ||
    address !== undefined ||
    network !== undefined;
  if (client !== undefined && !more && !client.startsWith(separator)) return client;
  return `${separator}${part('c', client)}${part('t', tenant)}${part('p', plan)}${part('s', service)}${part('r', route)}${part('a', address)}${part('n', network)}`;
};
