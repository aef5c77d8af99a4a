import { useState } from 'preact/hooks';
import { ActionButton } from '../app/action.tsx';
import { plural } from '../app/format.ts';
import { hrefOf } from '../app/router.ts';
import { whyNot } from '../app/session.ts';
import { intents } from './acts.ts';
import type { BulkTarget } from './bulk.ts';
import { BulkDialog, type BulkIntent } from './bulk-dialog.tsx';
import { type ApiFilter, wholeOf } from './filter.ts';
import type { Selection } from './selection.ts';

export interface BulkBarProps {
  /** What the queue is asked by. */
  readonly segments: readonly ApiFilter[];
  readonly selection: Selection;
  /** What the dialog is open for; null: it is not. */
  readonly intent: BulkIntent | null;
  readonly onIntent: (intent: BulkIntent | null) => void;
  readonly onDone: () => void;
}

const offered = ['confirm', 'false-positive', 'goodwill', 'activate', 'extend', 'downgrade', 'assign'] as const;

/** What is selected, and one change to all of it. */
export const BulkBar = ({ segments, selection, intent, onIntent, onDone }: BulkBarProps) => {
  const [isAll, setAll] = useState(false);
  const count = selection.ids.size;
  const target: BulkTarget =
    isAll || count === 0 ? { kind: 'filter', filter: wholeOf(segments) } : { kind: 'ids', ids: [...selection.ids] };
  const open = (wanted: BulkIntent, all: boolean): void => {
    setAll(all);
    onIntent(wanted);
  };
  const denied = whyNot('reviewer');
  return (
    <>
      <section class={count > 0 ? 'bulk-bar selecting' : 'bulk-bar'} aria-label="One change to many">
        {count === 0 ? (
          <ActionButton deniedBy={denied} onClick={() => open('false-positive', true)}>
            Change all that match…
          </ActionButton>
        ) : (
          <>
            <b>{plural(count, 'block')} selected</b>
            {offered.map((each) => (
              <ActionButton key={each} deniedBy={denied} keys={intents[each].key} onClick={() => open(each, false)}>
                {intents[each].label}
              </ActionButton>
            ))}
            <button type="button" class="quiet" onClick={selection.clear}>
              Select nothing
            </button>
          </>
        )}
        <a class="small" href={hrefOf('/batches')}>
          Recent batches
        </a>
      </section>
      {intent === null ? null : (
        <BulkDialog
          target={target}
          intent={intent}
          onDone={() => {
            selection.clear();
            onDone();
          }}
          onClose={() => onIntent(null)}
        />
      )}
    </>
  );
};
