import { connect, createServer } from 'node:net';

/** The given ports, if all are free still; else, or when none are given, two others that nobody listens on. */
export const usablePorts = async (wanted: readonly number[] | undefined): Promise<[number, number]> => {
  const [first = 0, second = 0] = wanted ?? [];
  try {
    return [await freePort(first), await freePort(second)];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return [await freePort(0), await freePort(0)];
  }
};

/** `wanted`, or any port when that is 0. Rejects with EADDRINUSE when somebody listens there. */
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
