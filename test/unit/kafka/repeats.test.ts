import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { repeatsOf } from '../../../src/kafka/repeats.ts';

it('lets a line that comes again and again through once in ten seconds, each of different ones by itself', () => {
  const clock = new ManualClock();
  const isRepeat = repeatsOf(clock);
  const said = { crash: 0, restart: 0 };
  for (let tenths = 0; tenths < 300; tenths += 1) {
    if (!isRepeat('crash')) said.crash += 1;
    if (!isRepeat('restart')) said.restart += 1;
    clock.advance(100);
  }
  expect(said).toEqual({ crash: 3, restart: 3 });
});

it('remembers a bounded number of lines', () => {
  const isRepeat = repeatsOf(new ManualClock());
  for (let index = 0; index < 200; index += 1) expect(isRepeat(`line ${index}`)).toBe(false);
  expect(isRepeat('line 199')).toBe(true);
  expect(isRepeat('one more')).toBe(false);
  expect(isRepeat('line 199')).toBe(false);
});
