import type { ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import type { Settle } from './after-response.ts';

/** Settles once a response has been handed to the network whole, or its connection is gone. */
export const settleAfter = (response: ServerResponse, settle: Settle): void => {
  const end = (whole: boolean): void => {
    response.off('finish', finished);
    response.off('close', closed);
    settle({ status: response.statusCode, whole });
  };
  const finished = (): void => end(true);
  const closed = (): void => end(response.writableFinished);
  if (response.destroyed || response.writableFinished) closed();
  else response.once('finish', finished).once('close', closed);
};

/** Holds a request back. Resolves to whether somebody still waits for its response. */
export const holdBack = (response: ServerResponse, delayMs: number, clock: Clock): Promise<boolean> => {
  if (response.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    const gone = (): void => {
      timer.cancel();
      resolve(false);
    };
    const timer = clock.schedule(delayMs, () => {
      response.off('close', gone);
      resolve(true);
    });
    response.once('close', gone);
  });
};
