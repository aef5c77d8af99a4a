import { signal } from '@preact/signals';
import { Dialog } from './dialog.tsx';
import { keysAreOn, type Shortcut, shortcuts, turnKeys, useShortcuts } from './keys.ts';

const isOpen = signal(false);
export const openHelp = (): void => {
  isOpen.value = true;
};

const groupsOf = (all: readonly Shortcut[]): Map<string, Shortcut[]> => {
  const groups = new Map<string, Shortcut[]>();
  for (const shortcut of all) groups.set(shortcut.group, [...(groups.get(shortcut.group) ?? []), shortcut]);
  return groups;
};

const Keys = ({ keys }: { readonly keys: string }) => (
  <>
    {keys.split(' ').map((key, index) => (
      <>
        {index > 0 ? ' then ' : null}
        <kbd>{key}</kbd>
      </>
    ))}
  </>
);

const HelpDialog = () => (
  <Dialog title="Keyboard shortcuts" size="wide" onClose={() => (isOpen.value = false)}>
    <label class="check">
      <input type="checkbox" checked={keysAreOn.value} onChange={(event) => turnKeys(event.currentTarget.checked)} />
      Keys work on this page
    </label>
    <div class="shortcut-groups">
      {[...groupsOf(shortcuts.value)].map(([group, members]) => (
        <section key={group}>
          <h3>{group}</h3>
          <dl class="shortcuts">
            {members.map(({ keys, label }) => (
              <div key={keys}>
                <dt>
                  <Keys keys={keys} />
                </dt>
                <dd>{label}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </div>
  </Dialog>
);

/** What `?` opens: all that keys do on this page. Once on the page. */
export const HelpOverlay = () => {
  useShortcuts([{ keys: '?', label: 'Show what keys do', group: 'Everywhere', run: openHelp }]);
  return isOpen.value ? <HelpDialog /> : null;
};
