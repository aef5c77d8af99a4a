import type { BlockAction } from '../../blocklist/block.ts';
import type { Refusals } from '../../blocklist/block-feed.ts';
import type { BlockList } from '../../blocklist/block-list.ts';
import type { BlockPage } from '../../blocklist/block-review.ts';
import { readSubject } from '../../blocklist/subject-text.ts';
import { type BlockSubject, subjectKeyOf } from '../../client.ts';
import { parseDurationMs } from '../../duration.ts';
import { TidegateError } from '../../errors.ts';
import { plainText } from '../time-text.ts';

/** What `<subject>` of every command means. */
export const subjectHelp = `A subject is ip:203.0.113.9 or only the address, a network such as 203.0.113.0/24, user:<id> or key:<id>. An IPv6 address
stands for its /64, as gates know it. With --tenant it is meant within that tenant alone.`;

/** Who is meant. @throws TidegateError INPUT_INVALID, with the spelling that was probably meant. */
export const subjectFrom = (text: string, tenant?: string): BlockSubject => {
  const read = readSubject(text, tenant);
  if ('subject' in read) return read.subject;
  const instead = read.instead === null ? '' : `; did you mean ${read.instead}?`;
  throw new TidegateError('INPUT_INVALID', `${text} ${read.problem}${instead}`);
};

/** A word of a command line, whatever is in it: an id is chosen by whom it names, and these lines are there to be copied. */
const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** A subject as commands take it. */
export const subjectWords = (subject: BlockSubject): string => {
  const { kind, id, tenant } = subject;
  const who = shellWord(plainText(kind === 'network' ? id : `${kind}:${id}`));
  return tenant === undefined ? who : `${who} ${shellWord(`--tenant=${plainText(tenant)}`)}`;
};

const maxLimit = 1_000_000_000;
const maxWindowMs = 86_400_000;

/** `60/1m` → a limit instead of a refusal. @throws TidegateError INPUT_INVALID. */
export const actionFrom = (limitTo: string | undefined): BlockAction => {
  if (limitTo === undefined) return { kind: 'refuse' };
  const [, count, window] = /^(\d{1,10})\/(.+)$/.exec(limitTo) ?? [];
  const limit = Number(count);
  const windowMs = parseDurationMs(window ?? '');
  if (limit >= 1 && limit <= maxLimit && windowMs !== null && windowMs >= 1000 && windowMs <= maxWindowMs) {
    return { kind: 'limit', limit, windowMs };
  }
  throw new TidegateError('INPUT_INVALID', '--limit-to must be requests per window, such as 60/1m, of 1s to 1d');
};

const blockIdPattern = /^[bml]-[A-Za-z0-9._-]{1,127}$/;

export const isBlockId = (text: string): boolean => blockIdPattern.test(text);

/**
 * The block that is meant: by its id, or by its subject, whose newest block in one of the states is taken.
 *
 * @throws TidegateError INPUT_INVALID, BLOCK_NOT_FOUND.
 */
export const blockIdFrom = async (
  text: string,
  { blockList, states, tenant }: BlockLookingOptions,
): Promise<string> => {
  if (isBlockId(text)) return text;
  const subject = subjectFrom(text, tenant);
  const subjectKey = subjectKeyOf(subject);
  // A page looks at some thousands of blocks: who makes many newer ones must not hide an older.
  let cursor: string | null = null;
  do {
    const page: BlockPage = await blockList.list({
      ...{ subjectKey, states, limit: 1 },
      ...(cursor === null ? {} : { cursor }),
    });
    const [block] = page.blocks;
    if (block) return block.id;
    cursor = page.nextCursor;
  } while (cursor !== null);
  const message = `${subjectKey} has no block that is ${states.join(' or ')}`;
  throw new TidegateError('BLOCK_NOT_FOUND', `${message}${await hitInstead(blockList, subject)}`);
};

/** Who has no block of its own may be refused all the same: by a list, or by the network around it. */
const hitInstead = async (blockList: BlockList, subject: BlockSubject): Promise<string> => {
  const [hit] = (await blockList.standing(subject)).entries;
  if (hit === undefined) return '';
  const who = subjectWords(subject);
  return `, but ${hit.blockId} hits it: \`tidegate blocks allow ${who} --for 30d --note …\` exempts it, \`tidegate blocks explain ${who}\` says more`;
};

export interface BlockLookingOptions {
  readonly blockList: BlockList;
  readonly states: readonly ('active' | 'confirmed' | 'proposed' | 'shadow')[];
  readonly tenant?: string | undefined;
}

const atOnce = 500;

/** What blocks refused, by their ids. */
export const refusalsOf = async (
  blockList: BlockList,
  blockIds: readonly string[],
): Promise<ReadonlyMap<string, Refusals>> => {
  const all = new Map<string, Refusals>();
  for (let from = 0; from < blockIds.length; from += atOnce) {
    for (const one of await blockList.refusals(blockIds.slice(from, from + atOnce))) all.set(one.blockId, one);
  }
  return all;
};
