import { expect, it } from 'vitest';
import type { BlockList } from '../../../src/blocklist/block-list.ts';
import type { BlockPage, BlockQuery } from '../../../src/blocklist/block-review.ts';
import { blockIdFrom } from '../../../src/cli/blocks/subjects.ts';

it('a block is found by its subject behind more newer ones than a page looks at', async () => {
  const pages: Record<string, BlockPage> = {
    '': { blocks: [], nextCursor: '2' },
    2: { blocks: [], nextCursor: '1' },
    1: { blocks: [{ id: 'b-old' }] as unknown as BlockPage['blocks'], nextCursor: null },
  };
  const list = (query: BlockQuery): Promise<BlockPage> =>
    Promise.resolve(pages[query.cursor ?? ''] ?? { blocks: [], nextCursor: null });
  const blockList = { list } as unknown as BlockList;
  expect(await blockIdFrom('user:alice', { blockList, states: ['active'] })).toBe('b-old');
});
