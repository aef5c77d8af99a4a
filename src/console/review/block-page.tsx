import { useMemo } from 'preact/hooks';
import { useShortcuts } from '../app/keys.ts';
import { useLive } from '../app/live.ts';
import type { PageProps } from '../app/page.ts';
import { Problem } from '../app/problem.ts';
import { hrefOf, navigate, part } from '../app/router.ts';
import { Empty, FailureBox, Loading } from '../app/states.tsx';
import { useActKeys } from './act-panel.tsx';
import { BlockDetail, useBlock } from './block-detail.tsx';
import { createDesk } from './desk.ts';
import type { BlockPageAnswer } from './types.ts';

const queuePauseMs = 15_000;

/** The next one that waits, for who goes from block to block on a phone. */
const useNext = (id: string): string | null => {
  const proposed = useLive<BlockPageAnswer>('v1/blocks?state=proposed&sort=newest&limit=2', queuePauseMs);
  const active = useLive<BlockPageAnswer>('v1/blocks?state=active&unjudged=true&sort=newest&limit=2', queuePauseMs);
  const waiting = [...(proposed.data?.blocks ?? []), ...(active.data?.blocks ?? [])];
  return waiting.find((block) => block.id !== id)?.id ?? null;
};

const Crumbs = ({ next }: { readonly next: string | null }) => (
  <p class="crumbs">
    <a href={hrefOf('/queue')}>← Review queue</a>
    {next === null ? null : (
      <a href={hrefOf(`/blocks/${part(next)}`)}>
        Next to review → <kbd>j</kbd>
      </a>
    )}
  </p>
);

const Missing = ({ id }: { readonly id: string }) => (
  <>
    <h1 tabIndex={-1}>There is no such block</h1>
    <Empty title="It may be gone">
      Blocks that ended long ago are forgotten, and those of other tenants are out of reach. <code>{id}</code>
    </Empty>
  </>
);

/** One block on a page of its own. */
export const BlockPage = ({ params }: PageProps) => {
  const id = params['id'] ?? '';
  const { live, block } = useBlock(id);
  const next = useNext(id);
  const desk = useMemo(() => createDesk(), []);
  useActKeys(block === null ? null : (intent) => desk.start(block, intent));
  useShortcuts([
    { keys: 'u', label: 'Back to the queue', group: 'Review', run: () => navigate(hrefOf('/queue')) },
    ...(next === null
      ? []
      : [
          { keys: 'j', label: 'Next to review', group: 'Review', run: () => navigate(hrefOf(`/blocks/${part(next)}`)) },
        ]),
  ]);
  if (block === null) {
    const { failure } = live;
    if (failure instanceof Problem && failure.status === 404) return <Missing id={id} />;
    return (
      <>
        <h1 tabIndex={-1}>Block</h1>
        {failure === null ? (
          <Loading what="the block" sinceMs={live.askedAtMs} />
        ) : (
          <FailureBox what="The block" failure={failure} onRetry={live.refresh} />
        )}
      </>
    );
  }
  return (
    <div class="block-page">
      <Crumbs next={next} />
      <BlockDetail block={block} desk={desk} level="h1" />
    </div>
  );
};
