import fc from 'fast-check';
import { expect } from 'vitest';
import type { BlockList } from '../../src/blocklist/block-list.ts';
import { verdictMemoryMs } from '../../src/blocklist/promotion.ts';
import {
  actOnModel,
  type BlockAct,
  type BlockModel,
  modelSubjects,
  modelTerms,
  newModel,
  seenOfModel,
} from './block-model.ts';
import { actOnList, type PlayTime, seenOfList } from './block-play.ts';

interface RealList {
  readonly list: BlockList;
  readonly play: PlayTime;
}

/** An act whose block is one of those there are when it is its turn. */
type LooseAct = Exclude<BlockAct, { act: 'promote' } | { id: string }> | LoosePromote | LooseStep;
interface LoosePromote {
  readonly act: 'promote';
  readonly verdict: number;
  readonly subject: number;
  readonly mode: 'shadow' | 'review' | 'enforce';
}
interface LooseStep {
  readonly act: 'activate' | 'confirm' | 'lift' | 'extend' | 'assign' | 'undo';
  readonly block: number;
  /** Added to the version that the block has: 0 is the right one; null: not asked. */
  readonly versionOff: number | null;
  readonly falsePositive: boolean;
  readonly seconds: number;
}

const stepOn = (model: BlockModel, { act, block, versionOff, falsePositive, seconds }: LooseStep): BlockAct => {
  const ids = Object.keys(model.blocks);
  const id = ids[ids.length - 1 - (block % Math.max(1, ids.length))] ?? 'b-none';
  const version = model.blocks[id]?.version ?? 1;
  const target = versionOff === null ? { id } : { id, ifVersion: Math.max(1, version + versionOff) };
  if (act === 'lift') return { act, ...target, falsePositive, tombstone: seconds % 3 === 0 ? 0 : seconds };
  if (act === 'assign') return { act, ...target, assignee: seconds % 2 === 0 ? 'ada' : '' };
  return act === 'extend' ? { act, ...target, seconds } : { act, ...target };
};

/** A verdict is about one moment, and is known for longer than it may come late: one of the same name later is another. */
const verdictAt = ({ now }: BlockModel, verdict: number): string =>
  `v${verdict}-${Math.floor(now / (modelTerms.max + verdictMemoryMs / 1000))}`;

class Command implements fc.AsyncCommand<BlockModel, RealList> {
  readonly #loose: LooseAct;
  constructor(loose: LooseAct) {
    this.#loose = loose;
  }

  check(): boolean {
    return true;
  }

  async run(model: BlockModel, { list, play }: RealList): Promise<void> {
    const loose = this.#loose;
    const act: BlockAct =
      'block' in loose
        ? stepOn(model, loose)
        : loose.act === 'promote'
          ? { ...loose, verdict: verdictAt(model, loose.verdict) }
          : loose;
    const { answer, id } = await actOnList(list, act, play);
    expect(answer).toBe(actOnModel(model, act, id));
    expect(await seenOfList(list, play)).toEqual(seenOfModel(model));
  }

  toString(): string {
    return JSON.stringify(this.#loose);
  }
}

const subject = fc.nat(modelSubjects - 1);
const seconds = fc.integer({ min: 1, max: 200 });
const commandOf = <T extends LooseAct>(arbitrary: fc.Arbitrary<T>) => arbitrary.map((loose) => new Command(loose));

const promote = commandOf(
  fc.record({
    act: fc.constant('promote' as const),
    verdict: fc.nat(40),
    subject,
    mode: fc.constantFrom('shadow' as const, 'review' as const, 'enforce' as const, 'enforce' as const),
  }),
);
const step = commandOf(
  fc.record({
    act: fc.constantFrom(
      ...(['activate', 'confirm', 'lift', 'lift', 'extend', 'assign', 'undo', 'undo', 'undo'] as const),
    ),
    block: fc.nat(3),
    versionOff: fc.constantFrom(null, null, 0, 1, -1),
    falsePositive: fc.boolean(),
    seconds,
  }),
);
const others = commandOf(
  fc.oneof(
    fc.record({ act: fc.constantFrom('add' as const, 'allow' as const), subject, seconds }),
    fc.record({ act: fc.constant('disallow' as const), subject }),
    fc.record({ act: fc.constant('reset' as const) }),
    fc.record({ act: fc.constant('wait' as const), seconds: fc.oneof(seconds, seconds, fc.constant(3700)) }),
  ),
);

/** Plays random acts against a list and its model, which must answer and look alike after each. */
export const behavesAsTheModel = (
  make: () => RealList,
  { numRuns, maxCommands, maxMs }: { readonly numRuns: number; readonly maxCommands: number; readonly maxMs: number },
): Promise<void> =>
  fc.assert(
    fc.asyncProperty(fc.commands([promote, promote, step, others], { maxCommands }), (commands) =>
      fc.asyncModelRun(() => ({ model: newModel(), real: make() }), commands),
    ),
    { numRuns, interruptAfterTimeLimit: maxMs },
  );
