import ipaddr from 'ipaddr.js';
import type { BlockEntry, BlockFeed, Exemption } from '../../src/blocklist/block-feed.ts';
import { type Client, subjectFromKey } from '../../src/client.ts';

/** The parts of a client's or network's text. */
const partsOf = (text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] | null => {
  const [address = '', length] = text.split('/');
  if (!ipaddr.isValid(address)) return null;
  const parsed = ipaddr.parse(address);
  return [parsed, length === undefined ? (parsed.kind() === 'ipv4' ? 32 : 128) : Number(length)];
};

/** How closely an entry is about a client: null not at all, 1000 for itself, else the prefix length. */
const closeness = (entry: BlockEntry, client: Client, tenant: string): number | null => {
  const subject = subjectFromKey(entry.subjectKey);
  if (subject === null || (subject.tenant !== undefined && subject.tenant !== tenant)) return null;
  const ownTenant = subject.tenant === undefined ? 0 : 0.5;
  if (subject.kind !== 'network')
    return subject.kind === client.kind && subject.id === client.id ? 1000 + ownTenant : null;
  const network = partsOf(subject.id);
  const address = client.kind === 'ip' ? partsOf(client.id) : null;
  if (network === null || address === null || network[0].kind() !== address[0].kind()) return null;
  if (network[1] > address[1] || !address[0].match(network[0], network[1])) return null;
  return network[1] + ownTenant;
};

/** What the replica must find, by looking at every entry. */
export const naiveFind = (
  entries: Iterable<BlockEntry>,
  { client, tenant, nowMs }: { readonly client: Client; readonly tenant: string; readonly nowMs: number },
): BlockEntry | null => {
  let best: { entry: BlockEntry; close: number } | null = null;
  for (const entry of entries) {
    const close = entry.expiresAtMs > nowMs ? closeness(entry, client, tenant) : null;
    if (close !== null && (best === null || close > best.close)) best = { entry, close };
  }
  return best?.entry ?? null;
};

/** Everything that a list says is in force, and where it stands. */
export const wholeList = async (feed: BlockFeed) => {
  const entries: BlockEntry[] = [];
  const exemptions: Exemption[] = [];
  let page = await feed.snapshot();
  const { switches, epoch, sequence } = page;
  for (;;) {
    entries.push(...page.entries);
    exemptions.push(...page.exemptions);
    if (page.nextPage === null) return { entries, exemptions, switches, cursor: { epoch, sequence } };
    page = await feed.snapshot(page.nextPage);
  }
};
