import type { BlockView } from '../app/api-types.ts';
import { bytes, number } from '../app/format.ts';
import { Ago, Card, Tile } from '../app/parts.tsx';
import { isEnforced } from './types.ts';

/** What the block has kept away since it is there, and what that spared the counter store. */
export const KnockingCard = ({ block }: { readonly block: BlockView }) => {
  const { refusals } = block;
  if (refusals === null) return null;
  return (
    <Card title={isEnforced(block) ? 'Still knocking' : 'While it was blocked'} id="block-refusals">
      <dl class="tiles">
        <Tile
          name="Refused since"
          value={number(refusals.refused)}
          tone="blocked"
          detail={<Ago at={refusals.lastAt} />}
        />
        <Tile name="Store commands saved" value={number(refusals.savedCommands)} />
        <Tile name="Store traffic saved" value={bytes(refusals.savedBytes)} />
      </dl>
      <p class="quiet small">Being refused is not held against anybody: it makes no block longer.</p>
    </Card>
  );
};
