import { CompressionTypes, type Kafka, type ProducerRecord } from 'kafkajs';
import { expect, it } from 'vitest';
import { type Compression, KafkaFrameWriter } from '../../../src/kafka/frame-writer.ts';
import { frameOf } from '../../support/frames.ts';

/** As much of kafkajs as a writer needs; keeps what is sent. */
const fakeKafka = () => {
  const sent: ProducerRecord[] = [];
  const producer = {
    connect: () => Promise.resolve(),
    disconnect: () => Promise.resolve(),
    send: (record: ProducerRecord) => {
      sent.push(record);
      return Promise.resolve([{ partition: 0, baseOffset: '41' }]);
    },
  };
  return { sent, kafka: { producer: () => producer } as unknown as Kafka };
};

it.each<[Compression, CompressionTypes]>([
  ['none', CompressionTypes.None],
  ['gzip', CompressionTypes.GZIP],
])('frames of a writer with compression %s are sent that way', async (compression, expected) => {
  const { sent, kafka } = fakeKafka();
  const writer = await KafkaFrameWriter.open(kafka, { topic: 't', partitions: 1, compression });
  expect(await writer.append([frameOf(0, 'a\n')])).toEqual(new Map([[0, 42]]));
  expect(sent.map((record) => record.compression)).toEqual([expected]);
});
