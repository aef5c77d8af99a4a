import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { usablePorts } from '../../services/ports.ts';

it('a server keeps its port when its spare one was taken meanwhile', async () => {
  const [first, second] = await usablePorts(undefined);
  const stranger = createServer();
  await new Promise<void>((resolve) => stranger.listen(second, '127.0.0.1', resolve));
  const [again, other] = await usablePorts([first, second]);
  stranger.close();
  expect(again).toBe(first);
  expect(other).not.toBe(second);
});
