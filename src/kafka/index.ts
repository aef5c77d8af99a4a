export type {
  Committed,
  EventLog,
  FrameWriter,
  LogReader,
  LogRecord,
  OutgoingFrame,
  Positions,
  RecordBatch,
  RecordHandler,
} from '../event/event-log.ts';
export { type KafkaEventLogOptions, openKafkaEventLog } from './event-log.ts';
export { type KafkaAddress, parseKafkaUrl, type SaslMechanism } from './url.ts';
