import { createRequire } from 'node:module';
import type { Kafka } from 'kafkajs';

/** Brokers from 2.8 on tell topics of one name apart, from this version of the request on; kafkajs asks an older one. */
const metadata = { apiKey: 3, apiName: 'Metadata', apiVersion: 10 } as const;
const idBytes = 16;

interface Request {
  readonly apiKey: number;
  readonly apiName: string;
  readonly apiVersion: number;
  encode(): Promise<unknown>;
}

/** What of kafkajs' own objects is used here. */
interface Broker {
  readonly versions?: Readonly<Record<number, { readonly maxVersion: number }>>;
  readonly connectionPool: {
    send(call: {
      readonly request: Request;
      readonly response: { decode(payload: Buffer): Promise<string>; parse(id: string): Promise<string> };
    }): Promise<string>;
  };
}

interface Cluster {
  connect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  disconnect(): Promise<void>;
  findControllerBroker(): Promise<Broker>;
}

type CreateCluster = (options: { metadataMaxAge: number; allowAutoTopicCreation: boolean }) => Cluster;

/** A number of 7 bits a byte, as lengths are written from these versions on. */
const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);

const compactString = (text: string): Buffer => {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([Buffer.from(varint(bytes.length + 1)), bytes]);
};

const noTags = Buffer.from([0]);

/** Header's tags; one topic by name; create nothing, tell no rights. */
export const encodeMetadataRequest = (topic: string): Buffer =>
  Buffer.concat([
    noTags,
    Buffer.from([2]),
    Buffer.alloc(idBytes),
    compactString(topic),
    noTags,
    Buffer.from([0, 0, 0]),
    noTags,
  ]);

/** Reads a response field by field. */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#at++);
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  }

  skipString(): void {
    const length = this.varint();
    this.skip(Math.max(0, length - 1));
  }

  skipTags(): void {
    for (let left = this.varint(); left > 0; left -= 1) {
      this.varint();
      this.skip(this.varint());
    }
  }

  take(bytes: number): Buffer {
    const taken = this.#bytes.subarray(this.#at, this.#at + bytes);
    this.#at += bytes;
    return taken;
  }
}

/** The id of the one topic that was asked for, as Kafka's own tools write it; '' when there is none. */
export const decodeTopicId = (payload: Buffer): string => {
  const fields = new Fields(payload);
  fields.skipTags();
  fields.skip(4);
  for (let brokers = fields.varint() - 1; brokers > 0; brokers -= 1) {
    fields.skip(4);
    fields.skipString();
    fields.skip(4);
    fields.skipString();
    fields.skipTags();
  }
  fields.skipString();
  fields.skip(4);
  if (fields.varint() < 2) return '';
  fields.skip(2);
  fields.skipString();
  const id = fields.take(idBytes);
  return id.length < idBytes || id.every((byte) => byte === 0) ? '' : id.toString('base64url');
};

/** kafkajs has no door to a request of its own: the one it uses itself is taken. Null when there is none any more. */
const clusterOf = (kafka: Kafka): Cluster | null => {
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  );
  const create = symbol && (kafka as unknown as Record<symbol, CreateCluster | undefined>)[symbol];
  return create ? create({ metadataMaxAge: 300_000, allowAutoTopicCreation: false }) : null;
};

type EncoderClass = new () => { writeBufferInternal(bytes: Buffer): void };

/**
 * Tells a topic from another one that had its name before: a topic that is deleted and made anew has another id. '' when
 * the broker is too old to know, or kafkajs has changed. Rejects when no broker answers.
 */
export const topicIdOf = async (kafka: Kafka, topic: string): Promise<string> => {
  const cluster = clusterOf(kafka);
  if (!cluster) return '';
  try {
    await cluster.connect();
    await cluster.refreshMetadata();
    const broker = await cluster.findControllerBroker();
    if ((broker.versions?.[metadata.apiKey]?.maxVersion ?? 0) < metadata.apiVersion) return '';
    const Encoder = createRequire(import.meta.url)('kafkajs/src/protocol/encoder.js') as EncoderClass;
    const encode = async (): Promise<unknown> => {
      const encoder = new Encoder();
      encoder.writeBufferInternal(encodeMetadataRequest(topic));
      return encoder;
    };
    return await broker.connectionPool.send({
      request: { ...metadata, encode },
      response: { decode: async (payload) => decodeTopicId(payload), parse: async (id) => id },
    });
  } finally {
    await cluster.disconnect();
  }
};
