import { useEffect, useRef } from 'preact/hooks';
import { ActionButton } from '../app/action.tsx';
import type { BlockView } from '../app/api-types.ts';
import { useShortcuts } from '../app/keys.ts';
import { session } from '../app/session.ts';
import { toast } from '../app/toasts.tsx';
import { ActForm } from './act-form.tsx';
import { deniedBy, type Intent, intents, stateDenies } from './acts.ts';
import { ConflictBox } from './conflict.tsx';
import type { Desk } from './desk.ts';
import { isAnyBusy, isBusy } from './known.ts';

/** Those that fit the state; what the role forbids stays, and says so. */
export const offered = (block: BlockView): readonly Intent[] => {
  const all: readonly Intent[] = [
    block.state === 'proposed' ? 'activate' : 'confirm',
    'false-positive',
    'goodwill',
    'extend',
    'downgrade',
    'assign',
    'comment',
  ];
  return all.filter((intent) => stateDenies(intent, block) === null);
};

const tones: Partial<Record<Intent, 'primary' | 'danger'>> = { confirm: 'primary', activate: 'primary' };

const labelOf = (intent: Intent, block: BlockView): string => {
  if (intent === 'assign' && block.assignee === session.value?.name) return 'Give back';
  if (intent === 'downgrade' && block.action.kind === 'limit') return 'Change the limit';
  if (intent === 'false-positive' && block.state === 'proposed') return 'Reject: false positive';
  if (intent === 'goodwill' && block.state === 'proposed') return 'Reject: goodwill';
  return intents[intent].label;
};

interface ActPanelProps {
  readonly block: BlockView;
  readonly desk: Desk;
}

/** The form that goes away takes the focus with it: it comes back to the block that the form was about. */
const useFocusAfter = (isOpen: boolean) => {
  const panel = useRef<HTMLDivElement>(null);
  const wasOpen = useRef(isOpen);
  useEffect(() => {
    const isClosed = wasOpen.current && !isOpen;
    wasOpen.current = isOpen;
    if (!isClosed || document.activeElement !== document.body) return;
    panel.current?.closest('.block-head')?.querySelector<HTMLElement>('h1, h2')?.focus({ preventScroll: true });
  }, [isOpen]);
  return panel;
};

/** What can be done with a block, the note that it needs, and what came in between. On a phone it stays at the bottom. */
export const ActPanel = ({ block, desk }: ActPanelProps) => {
  const open = desk.form.value;
  const conflict = desk.conflict.value;
  const isOpen = open?.blockId === block.id;
  const panel = useFocusAfter(isOpen);
  return (
    <div class="act-panel" ref={panel}>
      {conflict?.block.id === block.id ? <ConflictBox conflict={conflict} desk={desk} /> : null}
      {isOpen ? (
        <ActForm key={`${block.id} ${open.intent}`} block={block} intent={open.intent} desk={desk} />
      ) : (
        <fieldset class="acts">
          <legend class="visually-hidden">What to do with it</legend>
          {offered(block).map((intent) => (
            <ActionButton
              key={intent}
              tone={tones[intent] ?? 'usual'}
              keys={intents[intent].key}
              deniedBy={deniedBy(intent, block)}
              isBusy={isBusy(block.id)}
              onClick={() => desk.start(block, intent)}
            >
              <span class="long">{labelOf(intent, block)}</span>
              <span class="short">{intents[intent].short}</span>
            </ActionButton>
          ))}
        </fieldset>
      )}
    </div>
  );
};

const notYet = {
  keys: 'z',
  label: 'Take back what was done last',
  group: 'Review',
  run: () => void toast({ text: 'Not done yet: z takes it back once it is.' }),
};

/** One key for each act. `run` null: there is nothing to act on. */
export const useActKeys = (run: ((intent: Intent) => void) | null): void => {
  const all = Object.entries(intents) as [Intent, (typeof intents)[Intent]][];
  useShortcuts(
    run === null
      ? []
      : all.map(([intent, { key, help }]) => ({ keys: key, label: help, group: 'Review', run: () => run(intent) })),
  );
  // The notice that offers to take it back comes with the answer: until then z would take back what was before.
  useShortcuts(isAnyBusy() ? [notYet] : []);
};
