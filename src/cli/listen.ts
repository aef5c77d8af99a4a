import { TidegateError } from '../errors.ts';

/** The part of Fastify that this needs. */
interface Listener {
  listen(options: { host: string; port: number }): Promise<string>;
}

const adviceByCode: Readonly<Record<string, (host: string, port: number) => TidegateError>> = {
  EADDRINUSE: (host, port) => new TidegateError('PORT_IN_USE', `Port ${port} on ${host} is in use`),
  EACCES: (host, port) => new TidegateError('CONFIG_INVALID', `This user may not listen on port ${port} of ${host}`),
  EADDRNOTAVAIL: (host) => new TidegateError('CONFIG_INVALID', `This machine has no address ${host}`),
  ENOTFOUND: (host) => new TidegateError('CONFIG_INVALID', `There is no host ${host}`),
};

/** Starts to listen; gives the URL. @throws TidegateError PORT_IN_USE or CONFIG_INVALID. */
export const listen = async (listener: Listener, host: string, port: number): Promise<string> => {
  try {
    return await listener.listen({ host, port });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const known = adviceByCode[code]?.(host, port);
    if (!known) throw cause;
    throw new TidegateError(known.code, known.message, { cause });
  }
};
