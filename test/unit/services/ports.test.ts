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

it('a server never gets a port that systems give to outgoing connections: a client that tries again could take it', async () => {
  const pairs = await Promise.all(Array.from({ length: 20 }, () => usablePorts(undefined)));
  for (const port of pairs.flat()) {
    expect(port).toBeGreaterThan(1024);
    expect(port).toBeLessThan(32_768);
  }
});
