import { describe } from 'vitest';
import { MemoryBlockList } from '../../src/embedded/memory-block-list.ts';
import { blockListContract } from './block-list.contract.ts';

describe('the block list in memory', () => {
  blockListContract((setting) => new MemoryBlockList(setting));
});
