import { connect, createServer, type Server, type Socket } from 'node:net';

/** A cable between a client and a server on this machine, to be damaged at will. */
export interface TcpProxy {
  readonly port: number;
  /**
   * Nothing comes through any more, or only towards the server. As with a real cable nothing is lost either: what was sent
   * arrives when it is whole again, the end of a connection included.
   */
  cut(what: 'both ways' | 'answers'): void;
  /** Everything arrives this much later, each way. */
  slow(delayMs: number): void;
  /** Ends every connection, and new ones at once. */
  refuse(): void;
  heal(): void;
  close(): Promise<void>;
}

type Part = Buffer | 'end';

/** One direction of one connection. */
class Lane {
  readonly #to: Socket;
  readonly #held: Part[] = [];
  readonly #delayMs: () => number;
  readonly #isHeld: () => boolean;

  constructor(to: Socket, isHeld: () => boolean, delayMs: () => number) {
    this.#to = to;
    this.#isHeld = isHeld;
    this.#delayMs = delayMs;
  }

  carry(part: Part): void {
    const delayMs = this.#delayMs();
    // Timers of one delay run in their order.
    if (delayMs > 0) setTimeout(() => this.#arrive(part), delayMs);
    else this.#arrive(part);
  }

  release(): void {
    for (const part of this.#held.splice(0)) this.#deliver(part);
  }

  #arrive(part: Part): void {
    if (this.#isHeld() || this.#held.length > 0) this.#held.push(part);
    else this.#deliver(part);
  }

  #deliver(part: Part): void {
    if (this.#to.destroyed) return;
    if (part === 'end') this.#to.destroy();
    else this.#to.write(part);
  }
}

const bind = (from: Socket, lane: Lane): void => {
  from.on('data', (chunk) => lane.carry(chunk));
  from.on('error', () => undefined);
  from.on('close', () => lane.carry('end'));
};

const listening = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });

/** Opens a cable to a port of this machine. */
export const startProxy = async (toPort: number): Promise<TcpProxy> => {
  const state = { requests: false, answers: false, refuses: false, delayMs: 0 };
  const sockets = new Set<Socket>();
  const lanes = new Set<Lane>();
  const endAll = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    lanes.clear();
  };
  const server = createServer((client) => {
    if (state.refuses) {
      client.on('error', () => undefined);
      client.destroy();
      return;
    }
    const upstream = connect({ port: toPort, host: '127.0.0.1' });
    const delayMs = (): number => state.delayMs;
    const requests = new Lane(upstream, () => state.requests, delayMs);
    const answers = new Lane(client, () => state.answers, delayMs);
    for (const one of [client, upstream]) sockets.add(one);
    for (const one of [requests, answers]) lanes.add(one);
    bind(client, requests);
    bind(upstream, answers);
  });
  const port = await listening(server);
  return {
    port,
    cut: (what) => {
      state.answers = true;
      state.requests = what === 'both ways';
    },
    slow: (ms) => {
      state.delayMs = ms;
    },
    refuse: () => {
      state.refuses = true;
      endAll();
    },
    heal: () => {
      Object.assign(state, { requests: false, answers: false, refuses: false, delayMs: 0 });
      for (const lane of lanes) lane.release();
    },
    close: () => {
      // A connection that is just being made must not keep the server open.
      state.refuses = true;
      endAll();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
};
