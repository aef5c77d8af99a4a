import type { BlockView } from '../app/api-types.ts';
import { compact, plural } from '../app/format.ts';
import { Ago, Chip, StateChip } from '../app/parts.tsx';
import { hrefOf, part } from '../app/router.ts';
import { Visible } from '../app/visible.tsx';
import { intents } from './acts.ts';
import { isBusy } from './known.ts';
import { isDue } from './types.ts';

export interface RowProps {
  readonly block: BlockView;
  readonly isCurrent: boolean;
  readonly isSelected: boolean;
  /** Choosing it; `isWide`: it is shown beside the list, and no page of its own is opened. */
  readonly onChoose: (event: MouseEvent) => void;
  readonly onSelect: (isRange: boolean) => void;
}

const gist = ({ evidence, origin, rule }: BlockView): string => {
  if (evidence === null) return origin === 'list' ? `list ${rule}` : 'by hand';
  return `${compact(evidence.denied)} denied on ${plural(evidence.distinctRoutes, 'route')}`;
};

const verdict = ({ label }: BlockView): string =>
  label === 'goodwill' ? 'goodwill' : label === 'false-positive' ? 'false positive' : '';

const Selected = ({ block, isSelected, onSelect }: Pick<RowProps, 'block' | 'isSelected' | 'onSelect'>) => (
  <label class="pick">
    <input
      type="checkbox"
      checked={isSelected}
      onClick={(event) => {
        event.stopPropagation();
        onSelect(event.shiftKey);
      }}
    />
    <span class="visually-hidden">Select {block.subject.id}</span>
  </label>
);

/** One block in the queue: who, what for, since when. */
export const Row = ({ block, isCurrent, isSelected, onChoose, onSelect }: RowProps) => {
  const classes = ['row', isCurrent ? 'current' : '', isDue(block) ? '' : 'done', isBusy(block.id) ? 'busy' : ''];
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the link in it does the same, and keys go along the rows
    <li class={classes.filter((name) => name !== '').join(' ')} data-id={block.id} onClick={onChoose}>
      <Selected block={block} isSelected={isSelected} onSelect={onSelect} />
      <div class="row-body">
        <p class="row-head">
          <a href={hrefOf(`/blocks/${part(block.id)}`)} aria-current={isCurrent ? 'true' : undefined}>
            <span class="kind">{block.subject.kind}</span>{' '}
            <code>
              <Visible text={block.subject.id} most={48} />
            </code>
          </a>
          {block.subject.tenant === undefined ? null : (
            <span class="kind">
              {' '}
              in <Visible text={block.subject.tenant} most={40} />
            </span>
          )}
        </p>
        <p class="row-gist quiet small">
          <Visible text={block.rule} most={64} /> · {gist(block)}
          {block.assignee ? (
            <>
              {' '}
              · with <Visible text={block.assignee} most={30} />
            </>
          ) : null}
        </p>
      </div>
      <div class="row-end">
        <span class="row-chips">
          {verdict(block) === '' ? null : <span class="quiet small">{verdict(block)}</span>}
          {block.action.kind === 'limit' ? <Chip>limit</Chip> : null}
          <StateChip state={block.state} />
        </span>
        <span class="quiet small">
          <Ago at={block.blockedAt} />
        </span>
      </div>
    </li>
  );
};

/** What keys do, in a line: for who has not found `?` yet. */
export const KeyHint = () => (
  <p class="key-hint quiet small">
    {(['confirm', 'activate', 'false-positive', 'goodwill'] as const).map((intent) => (
      <span key={intent}>
        <kbd>{intents[intent].key}</kbd> {intents[intent].label.toLowerCase()}
      </span>
    ))}
    <span>
      <kbd>j</kbd> <kbd>k</kbd> move
    </span>
    <span>
      <kbd>x</kbd> select
    </span>
    <span>
      <kbd>?</kbd> all keys
    </span>
  </p>
);
