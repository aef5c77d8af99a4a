import type { Block, BlockState } from '../blocklist/block.ts';
import type { BlockReview } from '../blocklist/block-review.ts';
import { readSubject } from '../blocklist/subject-text.ts';
import { type Client, clientKeyOf } from '../client.ts';

/** What stands against a client. */
export interface BlockOfClient {
  readonly id: string;
  readonly state: BlockState;
}

/** How many clients are looked up at once. */
const atOnce = 20;

/** Whether somebody who sees these tenants alone may know of a block: limited to one of them, or with its evidence there. */
export const isInReach = (tenants: readonly string[] | null, block: Block): boolean =>
  tenants === null ||
  (block.subject.tenant === undefined ? tenants.includes(block.tenant) : tenants.includes(block.subject.tenant));

const blockOf = async (
  review: BlockReview,
  client: Client,
  tenants: readonly string[] | null,
): Promise<BlockOfClient | null> => {
  const read = readSubject(clientKeyOf(client));
  // Stored under a pseudonym: nobody here can say whose it is.
  if (!('subject' in read)) return null;
  // A tenant's own blocks are found from within it; who may see all is not told of one that holds in some tenant only.
  for (const tenant of tenants ?? [undefined]) {
    const { entries, proposalId } = await review.standing({
      ...read.subject,
      ...(tenant === undefined ? {} : { tenant }),
    });
    for (const id of [...entries.map(({ blockId }) => blockId), ...(proposalId === null ? [] : [proposalId])]) {
      const block = await review.get(id);
      if (block && isInReach(tenants, block)) return { id, state: block.state };
    }
  }
  return null;
};

/** What stands against each of these clients now: the entry that gates enforce first, else the proposal; null: nothing. */
export const blocksOf = async (
  review: BlockReview,
  clients: readonly Client[],
  tenants: readonly string[] | null,
): Promise<readonly (BlockOfClient | null)[]> => {
  const found: (BlockOfClient | null)[] = [];
  for (let from = 0; from < clients.length; from += atOnce) {
    const some = clients.slice(from, from + atOnce);
    found.push(...(await Promise.all(some.map((client) => blockOf(review, client, tenants)))));
  }
  return found;
};
