import { type Clock, systemClock } from '../clock.ts';
import { isMadeInRequest, type MisuseOptions, watchMisuse } from '../misuse.ts';

/** A process has one gate, or one per service that it stands in front of. */
const manyGates = 64;

let openGates = 0;

/**
 * Notes that a gate is made; what it returns notes that it is closed. Gates on a clock of their own are of a test or a
 * replay and do not count. Throws CONFIG_INVALID, MISUSED.
 */
export const noteGate = ({
  clock = systemClock,
  ...options
}: MisuseOptions & { readonly clock?: Clock }): (() => void) => {
  const watch = watchMisuse(options);
  if (watch.looksFor('TIDEGATE_MADE_PER_REQUEST') && isMadeInRequest()) {
    watch.found('TIDEGATE_MADE_PER_REQUEST', 'a gate');
  }
  if (clock !== systemClock) return () => undefined;
  openGates += 1;
  if (openGates > manyGates) watch.found('TIDEGATE_MANY_GATES', `${openGates} gates`);
  let isOpen = true;
  return () => {
    if (isOpen) openGates -= 1;
    isOpen = false;
  };
};
