import { once } from 'node:events';
import { createServer } from 'node:net';
import { TidegateError } from '../errors.ts';

/** The part of Fastify that this needs. */
interface Listener {
  listen(options: { host: string; port: number }): Promise<string>;
}

const adviceByCode: Readonly<
  Record<string, (host: string, port: number) => ['PORT_IN_USE' | 'CONFIG_INVALID', string]>
> = {
  EADDRINUSE: (host, port) => ['PORT_IN_USE', `Port ${port} on ${host} is in use`],
  EACCES: (host, port) => ['CONFIG_INVALID', `This user may not listen on port ${port} of ${host}`],
  EADDRNOTAVAIL: (host) => ['CONFIG_INVALID', `This machine has no address ${host}`],
  ENOTFOUND: (host) => ['CONFIG_INVALID', `There is no host ${host}`],
};

const explaining = async <T>(host: string, port: number, start: () => Promise<T>): Promise<T> => {
  try {
    return await start();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const advice = adviceByCode[code]?.(host, port);
    if (!advice) throw cause;
    throw new TidegateError(advice[0], advice[1], { cause });
  }
};

/** Starts to listen; gives the URL. @throws TidegateError PORT_IN_USE or CONFIG_INVALID. */
export const listen = (listener: Listener, host: string, port: number): Promise<string> =>
  explaining(host, port, () => listener.listen({ host, port }));

/** Whether `listen` would work now. @throws TidegateError PORT_IN_USE or CONFIG_INVALID. */
export const checkPort = (host: string, port: number): Promise<void> =>
  explaining(host, port, async () => {
    const server = createServer();
    server.listen({ host, port });
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
  });
