import { expect, it } from 'vitest';
import { decodeTopicId, encodeMetadataRequest } from '../../../src/kafka/topic-id.ts';

const compact = (text: string): Buffer => Buffer.concat([Buffer.from([text.length + 1]), Buffer.from(text)]);
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const tag = Buffer.from([1, 7, 2, 0xca, 0xfe]);
const noTags = Buffer.from([0]);
const broker = (id: number, host: string): Buffer =>
  Buffer.concat([int32(id), compact(host), int32(9092), Buffer.from([0]), tag]);

const response = (topics: readonly Buffer[]): Buffer =>
  Buffer.concat([
    noTags,
    int32(0),
    Buffer.from([3]),
    broker(1, 'a.example'),
    broker(2, 'b.example'),
    compact('cluster'),
    int32(1),
    Buffer.from([topics.length + 1]),
    ...topics,
  ]);

const id = Buffer.from('5d6da596d4f148d7b8931455453944 f9'.replace(' ', ''), 'hex');
const topic = (of: Buffer): Buffer => Buffer.concat([Buffer.from([0, 0]), compact('tidegate.decisions'), of]);

it('is read behind brokers, cluster and tags that are of no interest', () => {
  expect(decodeTopicId(response([topic(id)]))).toBe(id.toString('base64url'));
});

it('is empty for a topic that has none, and where no topic is named', () => {
  expect(decodeTopicId(response([topic(Buffer.alloc(16))]))).toBe('');
  expect(decodeTopicId(response([]))).toBe('');
});

it('is asked for by name, of any length', () => {
  const name = 't'.repeat(249);
  const request = encodeMetadataRequest(name);
  expect([...request.subarray(0, 2)]).toEqual([0, 2]);
  expect([...request.subarray(18, 20)]).toEqual([0xfa, 0x01]);
  expect(request.subarray(20, 20 + 249).toString()).toBe(name);
});
