import { connect, type Socket } from 'node:net';
import { parentPort } from 'node:worker_threads';

export interface HttpOrder {
  readonly port: number;
  readonly sockets: number;
  readonly roundMs: number;
}

export interface HttpAnswer {
  readonly perSecond: number;
  /** Answers other than 200. */
  readonly refused: number;
}

const clientCount = 1000;

const requestText = (call: number): string =>
  `GET /orders/7 HTTP/1.1\r\nhost: bench\r\nx-api-key: client-${(call * 7919) % clientCount}\r\n\r\n`;

/** Where the first whole answer in the text ends; 0: not yet. */
const endOfAnswer = (text: string): number => {
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return 0;
  const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
  const end = head + 4 + length;
  return text.length >= end ? end : 0;
};

/** One keep-alive connection that asks again as soon as it is answered. A plain socket: a client library would be the bottleneck. */
const ask = (socket: Socket, goesOn: () => boolean, answered: (text: string) => number): Promise<void> =>
  new Promise((resolve, reject) => {
    let received = '';
    socket.on('data', (data) => {
      received += data.toString('latin1');
      const end = endOfAnswer(received);
      if (end === 0) return;
      const call = answered(received);
      received = received.slice(end);
      if (goesOn()) socket.write(requestText(call));
      else socket.end(resolve);
    });
    socket.once('error', reject);
    socket.once('connect', () => socket.write(requestText(0)));
  });

const run = async ({ port, sockets, roundMs }: HttpOrder): Promise<HttpAnswer> => {
  const startMs = performance.now();
  let calls = 0;
  let refused = 0;
  const answered = (text: string): number => {
    if (!text.startsWith('HTTP/1.1 200')) refused += 1;
    calls += 1;
    return calls;
  };
  const goesOn = (): boolean => performance.now() - startMs < roundMs;
  await Promise.all(
    Array.from({ length: sockets }, () => ask(connect({ port, host: '127.0.0.1', noDelay: true }), goesOn, answered)),
  );
  return { perSecond: calls / ((performance.now() - startMs) / 1000), refused };
};

parentPort?.on('message', (order: HttpOrder) => {
  run(order).then(
    (answer) => parentPort?.postMessage(answer),
    (error: unknown) => {
      throw error;
    },
  );
});
