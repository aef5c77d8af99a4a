import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { announce } from '../app/announce.tsx';
import { number, plural } from '../app/format.ts';
import { useShortcuts } from '../app/keys.ts';
import { useLive } from '../app/live.ts';
import { hrefOf, navigate, part, place } from '../app/router.ts';
import { session } from '../app/session.ts';
import { Empty, FailureBox, Loading } from '../app/states.tsx';
import { useActKeys } from './act-panel.tsx';
import type { Intent } from './acts.ts';
import { BlockDetail, useBlock } from './block-detail.tsx';
import { BulkBar } from './bulk-bar.tsx';
import { type BulkIntent, isBulkIntent } from './bulk-dialog.tsx';
import { type Cursor, useCursor } from './cursor.ts';
import { createDesk, type Desk } from './desk.ts';
import { type ApiFilter, countPathOf, filterOf, isNarrowed, type QueueFilter, segmentsOf, wholeOf } from './filter.ts';
import { FilterBar } from './filter-bar.tsx';
import { shownBlock } from './known.ts';
import { pageSizes, type Queue, useQueue } from './queue.ts';
import { KeyHint, Row } from './queue-row.tsx';
import { type Selection, useSelection } from './selection.ts';

/** As wide as list and detail need beside each other: see review.css. */
const isWide = (): boolean => matchMedia('(min-width: 72rem)').matches;

const Nothing = ({ filter }: { readonly filter: QueueFilter }) =>
  isNarrowed(filter) || filter.show !== 'due' ? (
    <Empty title="No block matches">
      <a href={hrefOf('/queue', { show: 'all' })}>All blocks</a>
    </Empty>
  ) : (
    <Empty title="Nothing waits for you">
      Every proposal is decided, and every active block is judged. New ones appear here by themselves.
    </Empty>
  );

/** What has come in while somebody looks: nothing moves before it is asked for. */
const Fresh = ({ queue }: { readonly queue: Queue }) => {
  const count = queue.fresh.length;
  useEffect(() => {
    if (count > 0) announce(`${count} new in the queue`);
  }, [count]);
  return count === 0 ? null : (
    <button type="button" class="fresh" onClick={queue.adopt}>
      {number(count)} new <kbd>n</kbd>
    </button>
  );
};

const countPauseMs = 10_000;

/** How many the filter means in all: the list shows the first of them. */
const Count = ({ filter }: { readonly filter: ApiFilter }) => {
  const { data } = useLive<{ readonly count: number; readonly isExact: boolean }>(countPathOf(filter), countPauseMs);
  if (data === null) return null;
  return (
    <p class="count">
      {data.isExact ? '' : 'more than '}
      {plural(data.count, 'block')}
    </p>
  );
};

interface ListProps {
  readonly queue: Queue;
  readonly cursor: Cursor;
  readonly selection: Selection;
}

const List = ({ queue, cursor, selection }: ListProps) => {
  const ids = queue.ids ?? [];
  const chosen = (id: string, event: MouseEvent): void => {
    const isLink = event.target instanceof Element && event.target.closest('a') !== null;
    // A phone shows the block on a page of its own; with a modifier the browser does what it does.
    if (isLink && (!isWide() || event.ctrlKey || event.metaKey || event.shiftKey)) return;
    event.preventDefault();
    cursor.choose(id, isLink);
  };
  return (
    <ul class="queue-list" aria-label="Blocks">
      {ids.map((id) => {
        const block = shownBlock(id);
        return block === null ? null : (
          <Row
            key={id}
            block={block}
            isCurrent={id === cursor.id}
            isSelected={selection.ids.has(id)}
            onChoose={(event) => chosen(id, event)}
            onSelect={(isRange) => (isRange ? selection.extendTo(id, ids) : selection.toggle(id))}
          />
        );
      })}
    </ul>
  );
};

const Pane = ({ id, desk }: { readonly id: string; readonly desk: Desk }) => {
  const { live, block } = useBlock(id);
  if (block === null) {
    return live.failure === null ? (
      <Loading what="the block" sinceMs={live.askedAtMs} />
    ) : (
      <FailureBox what="The block" failure={live.failure} onRetry={live.refresh} />
    );
  }
  return <BlockDetail block={block} desk={desk} level="h2" />;
};

interface QueueKeys extends ListProps {
  readonly run: (intent: Intent) => void;
}

const useQueueKeys = ({ queue, cursor, selection, run }: QueueKeys): void => {
  const group = 'Review';
  const open = (): void => {
    const id = cursor.now();
    if (id !== null) navigate(hrefOf(`/blocks/${part(id)}`));
  };
  const select = (isRange: boolean) => (): void => {
    const id = cursor.now();
    if (id === null) return;
    if (isRange) selection.extendTo(id, queue.ids ?? []);
    else selection.toggle(id);
  };
  useActKeys(cursor.id === null ? null : run);
  useShortcuts([
    { keys: 'j', label: 'Next', group, run: () => cursor.move(1) },
    { keys: 'k', label: 'Previous', group, run: () => cursor.move(-1) },
    { keys: 'ArrowDown', label: 'Next', group, run: () => cursor.move(1) },
    { keys: 'ArrowUp', label: 'Previous', group, run: () => cursor.move(-1) },
    { keys: 'Enter', label: 'Open on a page of its own', group, run: open },
    { keys: 'o', label: 'Open on a page of its own', group, run: open },
    { keys: 'x', label: 'Select for one change to many', group, run: select(false) },
    { keys: 'X', label: 'Select from the last one to here', group, run: select(true) },
    { keys: 'n', label: 'Show what has come in', group, run: queue.adopt },
    { keys: 'Escape', label: 'Select nothing', group, run: selection.clear },
  ]);
};

const More = ({
  queue,
  limit,
  onMore,
}: {
  readonly queue: Queue;
  readonly limit: number;
  readonly onMore: () => void;
}) => {
  if (!queue.hasMore) return null;
  return limit < (pageSizes.at(-1) ?? 0) ? (
    <button type="button" onClick={onMore}>
      Show more
    </button>
  ) : (
    <p class="quiet small">There are more. A filter, or one change to all that match, reaches them.</p>
  );
};

const Body = ({
  queue,
  filter,
  children,
}: {
  queue: Queue;
  filter: QueueFilter;
  children: preact.ComponentChildren;
}) => {
  if (queue.ids === null) {
    return queue.failure === null ? (
      <Loading what="the queue" sinceMs={queue.askedAtMs} />
    ) : (
      <FailureBox what="The queue" failure={queue.failure} onRetry={queue.refresh} />
    );
  }
  return queue.ids.length === 0 ? <Nothing filter={filter} /> : children;
};

/** Blocks that wait for somebody's word, one after the other. */
export const QueuePage = () => {
  const filter = filterOf(place.value.query);
  const segments = segmentsOf(filter, session.value?.name ?? '');
  const [pages, setPages] = useState(0);
  const limit = pageSizes[pages] ?? 500;
  const queue = useQueue({ segments, sort: filter.sort, limit });
  const cursor = useCursor(queue.ids ?? []);
  const selection = useSelection();
  const [bulk, openBulk] = useState<BulkIntent | null>(null);
  const latest = useRef(cursor);
  latest.current = cursor;
  const desk = useMemo(
    () =>
      createDesk({
        onJudged: (id) => latest.current.nextDue(id),
        onUndone: (id) => latest.current.choose(id, true),
      }),
    [],
  );
  const run = (intent: Intent): void => {
    const id = cursor.now();
    const block = id === null ? null : shownBlock(id);
    if (selection.count() > 0 && isBulkIntent(intent)) openBulk(intent);
    else if (block !== null) desk.start(block, intent);
  };
  useQueueKeys({ queue, cursor, selection, run });
  return (
    <div class="queue-page">
      <div class="page-head">
        <div>
          <h1 tabIndex={-1}>Review queue</h1>
          <p>Proposals first, then what is in force and nobody has judged.</p>
        </div>
        <Count filter={wholeOf(segments)} />
      </div>
      <FilterBar filter={filter} />
      <BulkBar segments={segments} selection={selection} intent={bulk} onIntent={openBulk} onDone={queue.refresh} />
      <Body queue={queue} filter={filter}>
        <div class="queue">
          <div class="queue-side">
            <Fresh queue={queue} />
            <List queue={queue} cursor={cursor} selection={selection} />
            <More queue={queue} limit={limit} onMore={() => setPages(pages + 1)} />
            <KeyHint />
          </div>
          <section class="queue-pane" aria-label="The block that is looked at">
            {cursor.id === null ? null : <Pane key={cursor.id} id={cursor.id} desk={desk} />}
          </section>
        </div>
      </Body>
    </div>
  );
};
