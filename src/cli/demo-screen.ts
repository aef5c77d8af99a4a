import Table from 'cli-table3';
import { createLogUpdate } from 'log-update';
import colors from 'picocolors';
import type { PersonaState } from '../demo/demo.ts';
import { sparedText } from './time-text.ts';

/** One look at the demo. */
export interface DemoView {
  readonly elapsedMs: number;
  readonly url: string;
  readonly personas: readonly PersonaState[];
  readonly decisions: number;
  readonly storedDecisions: number;
  readonly eventsWaiting: number;
  /** What blocks kept away from the counter store. */
  readonly savedCommands: number;
  readonly savedBytes: number;
}

/** Where the demo shows itself while it runs: stderr, because stdout belongs to the summary. */
export interface DemoScreen {
  show(view: DemoView): void;
  /** Leaves the last view on a terminal, unless the summary comes to the same one. */
  end(): void;
}

const plainEveryMs = 5000;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(0)} s`;

const fateOf = ({ block, outcomes, persona }: PersonaState): string => {
  if (block) return colors.red(`blocked by ${block.rule}`);
  if (outcomes.denied > 0) return colors.yellow(persona.abusive ? 'limited, being watched' : 'limited now and then');
  return colors.green('undisturbed');
};

/** Beside this, the behaviours have what the terminal is wider. */
const columnsWithoutBehaviour = 80;
const leastBehaviourColumns = 24;

/** The visitors as a table that a terminal of so many columns can hold; it needs 80. */
export const personaTable = (states: readonly PersonaState[], columns: number): string => {
  const longest = Math.max(...states.map(({ persona }) => persona.about.length)) + 2;
  const behaviour = Math.min(longest, columns - columnsWithoutBehaviour - 1);
  const isWide = behaviour >= leastBehaviourColumns;
  const pick = <T>(all: readonly [T, T, ...T[]]): T[] => all.filter((_, index) => isWide || index !== 1);
  const table = new Table({
    head: pick(['visitor', 'behaviour', 'requests', 'allowed', 'denied', 'blocked', 'now']),
    colAligns: pick(['left', 'left', 'right', 'right', 'right', 'right', 'left']),
    colWidths: isWide ? [null, behaviour] : [],
    style: { head: [], border: [], compact: true },
  });
  for (const state of states) {
    const { persona, requests, outcomes } = state;
    const { allowed, denied, blocked } = outcomes;
    table.push(pick([persona.name, persona.about, requests, allowed, denied, blocked, fateOf(state)]));
  }
  return table.toString();
};

const savedText = ({ savedCommands, savedBytes }: DemoView): string =>
  savedCommands === 0 ? '' : `; blocks spared ${sparedText(savedCommands, savedBytes)}`;

const statusLine = (view: DemoView): string => {
  const { elapsedMs, decisions, storedDecisions, eventsWaiting } = view;
  return `${seconds(elapsedMs)}: ${decisions} decisions, ${storedDecisions} stored, ${eventsWaiting} waiting${savedText(view)}`;
};

const liveScreen = (): DemoScreen => {
  const update = createLogUpdate(process.stderr);
  return {
    show: (view) =>
      update(
        `${personaTable(view.personas, process.stderr.columns)}\n${statusLine(view)}\nconsole: ${view.url}   Ctrl-C ends`,
      ),
    end: () => (process.stdout.isTTY ? update.clear() : update.done()),
  };
};

const plainScreen = (): DemoScreen => {
  let nextMs = 0;
  const blocked = new Set<string>();
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  return {
    show: (view) => {
      if (nextMs === 0) say(`console: ${view.url}`);
      for (const { persona, block } of view.personas) {
        if (!block || blocked.has(persona.name)) continue;
        blocked.add(persona.name);
        say(`${seconds(view.elapsedMs)}: ${persona.name} is blocked by ${block.rule}`);
      }
      if (view.elapsedMs < nextMs) return;
      nextMs = view.elapsedMs + plainEveryMs;
      say(statusLine(view));
    },
    end: () => undefined,
  };
};

/** A table that stays in place on a terminal, single lines elsewhere. */
export const demoScreen = (isTerminal: boolean): DemoScreen => (isTerminal ? liveScreen() : plainScreen());
