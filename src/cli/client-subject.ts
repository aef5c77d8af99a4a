import { userInfo } from 'node:os';
import { canonicalAddress } from '../address.ts';
import type { Block } from '../blocklist/block.ts';
import type { BlockList } from '../blocklist/block-list.ts';
import type { Database } from '../clickhouse/database.ts';
import { type Client, clientFromKey, clientOf, subjectKeyOf } from '../client.ts';
import { messageOf, TidegateError } from '../errors.ts';
import type { Context } from './context.ts';
import { openCounters, schemeOf } from './engines.ts';
import type { Opened } from './opened.ts';
import type { SettingName } from './settings.ts';
import { openStoredDatabase } from './stored-database.ts';

/** Settings of every command about one client. */
export const clientSettings: readonly SettingName[] = [
  'clickhouseUrl',
  'redisUrl',
  'namespace',
  'pseudonymKeysFile',
  'logLevel',
];

const maxInputBytes = 4096;

const readInput = async (input: AsyncIterable<unknown>): Promise<string> => {
  let text = '';
  for await (const chunk of input) {
    text += String(chunk);
    if (text.length > maxInputBytes) break;
  }
  return text.trim();
};

/**
 * The client that is meant by `<kind>:<id>`, or by one line of the input where that is `-`: arguments are for everyone to
 * see who may list processes. A pseudonym, or an id that was too long to be kept, is taken as it is.
 */
export const subjectOf = async (given: string, input: AsyncIterable<unknown>): Promise<Client> => {
  const parsed = clientFromKey(given === '-' ? await readInput(input) : given);
  if (!parsed) throw new TidegateError('INPUT_INVALID', 'A client is key:<id>, user:<id> or ip:<address>');
  if (parsed.id.startsWith('~')) return parsed;
  if (parsed.kind !== 'ip') return clientOf(parsed.kind, parsed.id);
  const [base = '', length] = parsed.id.split('/');
  const address = canonicalAddress(base);
  if (address === null) throw new TidegateError('INPUT_INVALID', 'ip: is followed by an address, or by a network');
  return { kind: 'ip', id: length === undefined ? address : `${address}/${length}` };
};

export const actorOf = (given: string | undefined): string => {
  if (given !== undefined) return given;
  try {
    return userInfo().username;
  } catch {
    // A container's user may have no name.
    return 'unknown';
  }
};

/** What the running process answers over its API is not what is asked for here. */
const whileHeld = (cause: TidegateError): TidegateError => {
  const [who = cause.message] = cause.message.split('. ', 1);
  const next = 'Stop that process, run this command, and start it again; or keep the data on a ClickHouse server';
  return new TidegateError('DATA_LOCKED', `${who}. ${next}`, { cause });
};

/** The database, with its tables there. */
export const openStored = async (context: Context, opened: Opened): Promise<Database> => {
  try {
    return await openStoredDatabase(context, opened);
  } catch (cause) {
    throw cause instanceof TidegateError && cause.code === 'DATA_LOCKED' ? whileHeld(cause) : cause;
  }
};

/** What the block list says of a client: not asked (it lives in another process), not in reach, or its blocks. */
export type Listed =
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'away'; readonly reason: string }
  | { readonly kind: 'read'; readonly blocks: readonly Block[] };

const pageOfBlocks = 500;
/** Pages of one listing; more blocks than that are not kept of all clients together. */
const maxPages = 200;

const blocksOf = async (blockList: BlockList, client: Client): Promise<Block[]> => {
  const blocks: Block[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < maxPages; page += 1) {
    const found = await blockList.list({
      subjectKey: subjectKeyOf(client),
      limit: pageOfBlocks,
      ...(cursor === null ? {} : { cursor }),
    });
    blocks.push(...found.blocks);
    cursor = found.nextCursor;
    if (cursor === null) break;
  }
  return blocks;
};

/** Said of every answer: without keys, rows under pseudonyms are not found, and nothing else would tell. */
export const pseudonymsLine = ({ config }: Context): string =>
  config.pseudonymKeysFile === null
    ? 'pseudonyms: not looked for (--pseudonym-keys-file names their keys)'
    : 'pseudonyms: looked for under every key of the file';

export const listedOf = async ({ config, clock, logger }: Context, client: Client, opened: Opened): Promise<Listed> => {
  if (schemeOf(config.redisUrl) === 'memory:') return { kind: 'elsewhere' };
  try {
    const options = { ...config, clock, logger, time: 'wall' } as const;
    const { blockList } = opened.add(await openCounters(options), (counters) => counters.close());
    return { kind: 'read', blocks: await blocksOf(blockList, client) };
  } catch (error) {
    return { kind: 'away', reason: messageOf(error) };
  }
};
