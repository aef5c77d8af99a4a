import type { Clock } from '../clock.ts';
import type { Settle } from './after-response.ts';

/** The same bytes, and when the last one has been taken or nobody wants the rest. */
const followedBody = (body: ReadableStream<Uint8Array>, over: (whole: boolean) => void): ReadableStream<Uint8Array> => {
  const reader = body.getReader();
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          over(true);
          controller.close();
        } catch (error) {
          over(false);
          controller.error(error);
        }
      },
      cancel(reason) {
        over(false);
        return reader.cancel(reason);
      },
    },
    // Reads nothing ahead: that the body was read says that it was sent.
    { highWaterMark: 0 },
  );
};

/** A response that settles when its body has been read to the end or cancelled, or at once where none will be read. */
export const settledByBody = (request: Request, response: Response, settle: Settle): Response => {
  const { status, body } = response;
  const over = (whole: boolean): void => settle({ status, whole });
  if (body === null || request.method === 'HEAD') {
    over(true);
    return response;
  }
  return new Response(followedBody(body, over), response);
};

/** Holds a request back. Rejects with the signal's reason when its client goes meanwhile. */
export const holdBackUnlessAborted = ({ signal }: Request, delayMs: number, clock: Clock): Promise<void> =>
  new Promise((resolve, reject) => {
    const gone = (): void => reject(signal.reason);
    if (signal.aborted) return gone();
    signal.addEventListener('abort', gone, { once: true });
    // Not `schedule`: where no server keeps the process alive, the held request must.
    void clock.sleep(delayMs).then(() => {
      signal.removeEventListener('abort', gone);
      resolve();
    });
  });
