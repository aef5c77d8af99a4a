import { computed, signal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { foundIn } from './key-sequence.ts';
import { after } from './time.ts';

export interface Shortcut {
  /** One key (`j`, `?`, `Enter`, `Escape`) or several one after the other (`t q`), as `KeyboardEvent.key` names them. */
  readonly keys: string;
  /** What it does, for the overlay of `?`. */
  readonly label: string;
  /** Where the overlay lists it. */
  readonly group: string;
  readonly run: () => void;
  /** Also while somebody types or a dialog is open. Default false. */
  readonly isEverywhere?: boolean;
}

interface Registered {
  readonly order: number;
  readonly shortcut: Shortcut;
}

const storedAt = 'tidegate.keys';
const sequenceMs = 1200;
const registered = signal<readonly Registered[]>([]);
let orders = 0;

/** Whether single keys do something: who speaks to the machine, or holds keys by chance, can turn them off. */
export const keysAreOn = signal(localStorage.getItem(storedAt) !== 'off');
export const turnKeys = (isOn: boolean): void => {
  keysAreOn.value = isOn;
  localStorage.setItem(storedAt, isOn ? 'on' : 'off');
};

/** What works now, in the order in which it was registered. */
export const shortcuts = computed(() => registered.value.map(({ shortcut }) => shortcut));

/** Adds it; of two for the same keys the later one counts. The answer takes it back. */
export const addShortcut = (shortcut: Shortcut): (() => void) => {
  const entry: Registered = { order: orders, shortcut };
  orders += 1;
  registered.value = [...registered.value, entry];
  return () => {
    registered.value = registered.value.filter((other) => other !== entry);
  };
};

/** Shortcuts that work while the component is there. They may be new objects each time. */
export const useShortcuts = (wanted: readonly Shortcut[]): void => {
  const latest = useRef(wanted);
  latest.current = wanted;
  const identity = wanted.map(({ keys, label, group }) => `${keys}\n${label}\n${group}`).join('\n');
  // Before the page is painted: a key that is pressed as soon as something shows must not be lost.
  useLayoutEffect(() => {
    const removals = latest.current.map((shortcut, index) =>
      addShortcut({ ...shortcut, run: () => latest.current[index]?.run() }),
    );
    return () => {
      for (const remove of removals) remove();
    };
  }, [identity]);
};

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(?:TEXTAREA|SELECT)$/.test(target.tagName) || isTextInput(target));

const isTextInput = (target: HTMLElement): boolean =>
  target instanceof HTMLInputElement && !/^(?:checkbox|radio|button|submit)$/.test(target.type);

/** Enter and Space press what has the focus: no shortcut takes that away. */
const pressesFocused = ({ key, target }: KeyboardEvent): boolean =>
  (key === 'Enter' || key === ' ') &&
  target instanceof HTMLElement &&
  target.closest('a,button,summary,[role=button]') !== null;

const usableIn = (event: KeyboardEvent): readonly Shortcut[] => {
  const isElsewhere = isTyping(event.target) || document.querySelector('dialog[open]') !== null;
  if (isElsewhere) return shortcuts.peek().filter(({ isEverywhere }) => isEverywhere === true);
  return keysAreOn.peek()
    ? shortcuts.peek()
    : shortcuts.peek().filter(({ keys }) => keys.length > 1 && !keys.includes(' '));
};

export const listenForKeys = (): void => {
  let typed: string[] = [];
  let forget = (): void => undefined;
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key === 'Shift' || pressesFocused(event)) return;
    forget();
    const usable = usableIn(event);
    const whole = foundIn(usable, [...typed, event.key]);
    const found = whole.hit !== null || whole.isPrefix ? whole : foundIn(usable, [event.key]);
    typed = found.isPrefix ? (found === whole ? [...typed, event.key] : [event.key]) : [];
    if (found.isPrefix) {
      forget = after(sequenceMs, () => {
        typed = [];
      });
    }
    if (found.hit === null || (event.repeat && !/^[jk]$|^Arrow/.test(event.key))) return;
    event.preventDefault();
    typed = [];
    found.hit.run();
  });
};
