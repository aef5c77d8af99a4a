import type { Action, BlockState, BlockView } from '../app/api-types.ts';

// What the API answers about reviewing, as far as these pages read it. Instants are RFC 3339 texts.

export interface BlockPageAnswer {
  readonly blocks: readonly BlockView[];
  readonly nextCursor: string | null;
}

export interface BlockStep {
  readonly at: string;
  readonly kind: string;
  readonly actor: string;
  readonly reasonCode: string;
  readonly note: string;
  readonly batchId: string;
  readonly version: number;
  readonly state: BlockState;
  readonly expiresAt: string;
  readonly action: Action;
  readonly assignee: string;
}

export interface History {
  readonly steps: readonly BlockStep[];
}

export interface StoredQuery {
  readonly sql: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface Verification {
  readonly result: 'match' | 'mismatch' | 'unverifiable';
  readonly reason: string | null;
  readonly expected: Readonly<Record<string, unknown>> | null;
  readonly found: Readonly<Record<string, unknown>> | null;
  readonly query: StoredQuery | null;
}

export interface RuleView {
  readonly rule: string;
  /** Null: no detector runs it now. */
  readonly hash: string | null;
  readonly mode: { readonly file: string | null; readonly inForce: string | null };
  readonly owner: string | null;
  readonly reviewBy: string | null;
  readonly precisionFloor: { readonly floor: number; readonly minLabels: number } | null;
  readonly breaker: { readonly state: string };
  readonly judged: {
    readonly confirmed: number;
    readonly falsePositives: number;
    readonly goodwill: number;
    readonly unjudged: number;
  };
  readonly precision: {
    readonly share: number;
    readonly low: number;
    readonly high: number;
    readonly judged: number;
  } | null;
  readonly demoted: { readonly at: string; readonly why: string } | null;
}

export type BulkActName = 'confirm' | 'lift' | 'extend' | 'downgrade' | 'assign' | 'activate';

export interface BulkPreview {
  readonly count: number;
  /** False: more than anybody may change at once. */
  readonly isExact: boolean;
  readonly sample: readonly BlockView[];
  readonly refused: readonly { readonly id: string; readonly reason: string }[];
  readonly refusedCount: number;
  /** The least role that may do it; null: none may. */
  readonly needs: string | null;
}

export const openStates: readonly BlockState[] = ['proposed', 'active', 'confirmed'];
export const isOpen = ({ state }: Pick<BlockView, 'state'>): boolean => openStates.includes(state);
/** Gates refuse or slow its subject down. */
export const isEnforced = ({ state }: Pick<BlockView, 'state'>): boolean => state === 'active' || state === 'confirmed';
/** Waits for somebody's word. */
export const isDue = ({ state, label }: Pick<BlockView, 'state' | 'label'>): boolean =>
  state === 'proposed' || (state === 'active' && (label ?? null) === null);
