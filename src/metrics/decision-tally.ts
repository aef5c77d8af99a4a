import { maxPolicyNames, otherPolicies } from './instruments.ts';
import type { ObservedDecision } from './observed.ts';

interface Cell {
  readonly source: string;
  allowed: number;
  denied: number;
  blocked: number;
}

export interface TallyRow {
  readonly outcome: ObservedDecision['outcome'];
  readonly source: string;
  /** Empty: no policy decided. */
  readonly policy: string;
  readonly count: number;
}

/**
 * Decisions by outcome, source and policy, in plain numbers: counting one costs a look-up, read they are only when a
 * host collects. Bounded: names beyond the first {@link maxPolicyNames} count as `~other`.
 */
export class DecisionTally {
  /** By policy; the few sources of each are found faster by looking through them than by a second map. */
  readonly #cells = new Map<string, Cell[]>();
  readonly #degraded = new Map<string, number>();

  count({ outcome, source, degraded, deciding, rule }: ObservedDecision): void {
    const cell = this.#cellOf(deciding?.policy ?? rule ?? '', source);
    if (outcome === 'allowed') cell.allowed += 1;
    else if (outcome === 'denied') cell.denied += 1;
    else cell.blocked += 1;
    if (degraded !== null) this.#degraded.set(degraded, (this.#degraded.get(degraded) ?? 0) + 1);
  }

  *rows(): Generator<TallyRow> {
    for (const [policy, cells] of this.#cells) {
      for (const cell of cells) {
        for (const outcome of ['allowed', 'denied', 'blocked'] as const) {
          if (cell[outcome] > 0) yield { outcome, source: cell.source, policy, count: cell[outcome] };
        }
      }
    }
  }

  /** Reason → decisions taken without the primary store. */
  get degraded(): ReadonlyMap<string, number> {
    return this.#degraded;
  }

  #cellOf(policy: string, source: string): Cell {
    const cells = this.#cells.get(policy) ?? this.#addPolicy(policy);
    for (const cell of cells) if (cell.source === source) return cell;
    const made = { source, allowed: 0, denied: 0, blocked: 0 };
    cells.push(made);
    return made;
  }

  #addPolicy(policy: string): Cell[] {
    const name = this.#cells.size < maxPolicyNames ? policy : otherPolicies;
    const known = this.#cells.get(name);
    if (known) return known;
    const made: Cell[] = [];
    this.#cells.set(name, made);
    return made;
  }
}
