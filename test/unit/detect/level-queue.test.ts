import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LevelQueue, type Queued } from '../../../src/detect/level-queue.ts';

interface Item extends Queued {
  readonly name: number;
}

const levels = 4;

describe('LevelQueue', () => {
  it('hands out the lowest level first and within it who came first, as a sorted list would', () => {
    const move = fc.record({
      kind: fc.constantFrom('push', 'push', 'remove', 'move'),
      at: fc.nat(30),
      level: fc.nat(levels - 1),
    });
    fc.assert(
      fc.property(fc.array(move, { maxLength: 80 }), (moves) => {
        const queue = new LevelQueue<Item>(levels);
        let items: Item[] = [];
        for (const [name, { kind, at, level }] of moves.entries()) {
          const found = items[at % Math.max(1, items.length)];
          if (kind !== 'push' && found) {
            queue.remove(found);
            items = items.filter((item) => item !== found);
          }
          if (kind === 'remove') continue;
          const item = kind === 'move' && found ? found : { name, level: 0, before: null, after: null };
          queue.push(item, level);
          items.push(item);
          for (let from = 0; from < levels; from += 1) {
            const rest = items.filter((other) => other.level >= from);
            const least = Math.min(...rest.map((other) => other.level));
            expect(queue.lowest(from)).toBe(rest.find((other) => other.level === least) ?? null);
            expect(queue.below(from)).toBe(items.length - rest.length);
          }
        }
      }),
    );
  });

  it('has no levels but its own', () => {
    expect(() => new LevelQueue<Item>(2).push({ name: 1, level: 0, before: null, after: null }, 2)).toThrow(RangeError);
  });
});
