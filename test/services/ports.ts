import { randomInt } from 'node:crypto';
import { connect, createServer } from 'node:net';

/**
 * Below those that systems give to outgoing connections. Clients of a server that was killed try again and again, and on
 * one of those ports a connection may come to itself: the server finds its port taken, by its own client.
 */
const lowestPort = 12_000;
const highestPort = 32_000;
const maxTries = 200;

/**
 * Each of the given ports if it is free still; else, or when none are given, another that nobody listens on. Each for itself:
 * a spare one that somebody took meanwhile must not move a server that others know by the first.
 */
export const usablePorts = async (wanted: readonly number[] | undefined): Promise<[number, number]> => {
  const [first = 0, second = 0] = wanted ?? [];
  return [await freeOrOther(first), await freeOrOther(second)];
};

const freeOrOther = async (wanted: number): Promise<number> => {
  if (wanted === 0) return otherPort();
  try {
    return await freePort(wanted);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return await otherPort();
  }
};

const otherPort = async (): Promise<number> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await freePort(randomInt(lowestPort, highestPort));
    } catch (error) {
      if (tries === maxTries || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
};

/** Rejects with EADDRINUSE when somebody listens there. */
const freePort = (wanted: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port);
        else reject(new Error('the system named no port'));
      });
    });
  });

/** Sends `request` to a loopback port and gives back the first bytes of the answer; null when there is none. */
export const ask = (port: number, request: string, timeoutMs: number): Promise<string | null> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const finish = (answer: string | null): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => finish(null));
    socket.once('error', () => finish(null));
    socket.once('close', () => resolve(null));
    socket.once('data', (data) => finish(data.toString('latin1')));
    socket.once('connect', () => socket.write(request));
  });
