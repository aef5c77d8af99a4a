import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { constants, createDeflate, createGzip, type Deflate, type Gzip } from 'node:zlib';

/** Costs a third of the default level's time, for a tenth more bytes. */
const level = 3;

const encoders = {
  gzip: () => createGzip({ level }),
  deflate: () => createDeflate({ level }),
};

export type Encoding = keyof typeof encoders;

const isWelcome = (accepted: string, encoding: string): boolean =>
  accepted.split(',').some((item) => {
    const [name = '', quality = ''] = item.split(';').map((part) => part.trim().toLowerCase());
    return name === encoding && !/^q=0(?:\.0*)?$/.test(quality);
  });

/** What the answer is packed in; null: nothing. */
export const encodingFor = (accepted: string): Encoding | null =>
  (['gzip', 'deflate'] as const).find((encoding) => isWelcome(accepted, encoding)) ?? null;

export interface SinkOptions {
  readonly response: ServerResponse;
  readonly encoding: Encoding | null;
  /** Aborted when nobody takes the answer any more. */
  readonly gone: AbortSignal;
}

/** Where the bytes of an answer go, at the pace at which they are taken. */
export class Sink {
  readonly #response: ServerResponse;
  readonly #encoder: Gzip | Deflate | null;
  readonly #gone: AbortSignal;

  constructor({ response, encoding, gone }: SinkOptions) {
    this.#response = response;
    this.#gone = gone;
    this.#encoder = encoding === null ? null : encoders[encoding]();
    this.#encoder?.pipe(response);
    // Else it would wait for ever for somebody who has left.
    gone.addEventListener('abort', () => this.#encoder?.destroy(), { once: true });
  }

  /** Resolves once more can be taken; to false when nobody takes the answer any more. */
  async write(bytes: Uint8Array): Promise<boolean> {
    if (this.#gone.aborted) return false;
    const writable = this.#encoder ?? this.#response;
    return writable.write(bytes) || this.#until(once(writable, 'drain', { signal: this.#gone }));
  }

  /** Resolves once everything is on its way, or nobody takes it any more. */
  async end(): Promise<void> {
    const finish = once(this.#response, 'finish', { signal: this.#gone });
    (this.#encoder ?? this.#response).end();
    await this.#until(finish);
  }

  /**
   * Sends what there is, without the end that would make it pass for the whole: the connection breaks off, or what is
   * packed stops in the middle. A client that unpacks would lose the last bytes with the connection.
   */
  async breakOff(): Promise<void> {
    const encoder = this.#encoder;
    if (encoder === null || this.#gone.aborted) {
      this.#response.socket?.destroySoon();
      return;
    }
    await new Promise<void>((resolve) => {
      encoder.flush(constants.Z_SYNC_FLUSH, resolve);
      // What is destroyed in the middle of a flush need not tell.
      this.#gone.addEventListener('abort', () => resolve(), { once: true });
    });
    if (this.#gone.aborted) return;
    encoder.unpipe(this.#response);
    for (let bytes: unknown = encoder.read(); bytes instanceof Buffer; bytes = encoder.read()) {
      this.#response.write(bytes);
    }
    this.#response.end();
    encoder.destroy();
  }

  async #until(event: Promise<unknown>): Promise<boolean> {
    try {
      await event;
      return true;
    } catch (error) {
      if (this.#gone.aborted) return false;
      throw error;
    }
  }
}
