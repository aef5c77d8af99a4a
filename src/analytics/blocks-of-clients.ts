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
/** In how many of somebody's tenants a client is looked for. */
const mostTenants = 10;

/** Who asks: null: all tenants. */
export interface Onlooker {
  readonly tenants: readonly string[] | null;
  readonly maySee: (block: Block) => boolean;
}

const blockOf = async (
  review: BlockReview,
  client: Client,
  { tenants, maySee }: Onlooker,
): Promise<BlockOfClient | null> => {
  const read = readSubject(clientKeyOf(client));
  // Stored under a pseudonym: nobody here can say whose it is.
  if (!('subject' in read)) return null;
  // A tenant's own blocks are found from within it; who may see all is not told of one that holds in some tenant only.
  for (const tenant of tenants?.slice(0, mostTenants) ?? [undefined]) {
    const { entries, proposalId } = await review.standing({
      ...read.subject,
      ...(tenant === undefined ? {} : { tenant }),
    });
    for (const id of [...entries.map(({ blockId }) => blockId), ...(proposalId === null ? [] : [proposalId])]) {
      const block = await review.get(id);
      if (block && maySee(block)) return { id, state: block.state };
    }
  }
  return null;
};

/** What stands against each of these clients now: the entry that gates enforce first, else the proposal; null: nothing. */
export const blocksOf = async (
  review: BlockReview,
  clients: readonly Client[],
  onlooker: Onlooker,
): Promise<readonly (BlockOfClient | null)[]> => {
  const found: (BlockOfClient | null)[] = [];
  for (let from = 0; from < clients.length; from += atOnce) {
    const some = clients.slice(from, from + atOnce);
    found.push(...(await Promise.all(some.map((client) => blockOf(review, client, onlooker)))));
  }
  return found;
};
