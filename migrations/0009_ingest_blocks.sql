-- The ledger of ingest: one line for each range of offsets of the event log, also for ranges without rows, so that what a
-- group has committed can be compared with what is stored. Said again, a line replaces the one before.
CREATE TABLE IF NOT EXISTS ingest_blocks{{onCluster}}
(
    topic LowCardinality(String) COMMENT 'topic of the event log, name' CODEC(ZSTD(1)),
    topic_id LowCardinality(String) COMMENT 'which of the topics that had this name one after the other, id, or empty' CODEC(ZSTD(1)),
    `partition` UInt32 COMMENT 'partition of the event log, number from 0' CODEC(T64, ZSTD(1)),
    start_offset UInt64 COMMENT 'first offset of the range, number from 0' CODEC(Delta(8), ZSTD(1)),
    end_offset UInt64 COMMENT 'first offset behind the range, number from 0' CODEC(Delta(8), ZSTD(1)),
    rows UInt64 COMMENT 'rows stored, count' CODEC(T64, ZSTD(1)),
    crc32 String COMMENT 'CRC-32 of these rows, 8 hex digits',
    min_time DateTime64(3, 'UTC') COMMENT 'time of the oldest row, milliseconds UTC, 0 without rows' CODEC(Delta(8), ZSTD(1)),
    max_time DateTime64(3, 'UTC') COMMENT 'time of the newest row, milliseconds UTC, 0 without rows' CODEC(Delta(8), ZSTD(1)),
    emitters Array(Tuple(emitter String, first_seq UInt64, last_seq UInt64, rows UInt64, missing_rows UInt64, total UInt64, ended UInt8)) COMMENT 'by emitter: positions that came, number from 1; rows stored of these, count; positions before that never came, count; sum of the counts of all its events so far, count; whether it has ended, 0 or 1' CODEC(ZSTD(1)),
    doubled_rows UInt64 COMMENT 'rows that had been stored before, count' CODEC(T64, ZSTD(1)),
    dead_letters UInt64 COMMENT 'records and rows that went to the dead letters, count' CODEC(T64, ZSTD(1)),
    lost_records UInt64 COMMENT 'offsets at which the log held no record any more, count' CODEC(T64, ZSTD(1)),
    settled UInt8 COMMENT 'whether rows were counted and completed after an insert of unknown outcome, 0 or 1',
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'when the line was written, milliseconds UTC' CODEC(Delta(8), ZSTD(1))
)
ENGINE = {{replicated}}ReplacingMergeTree(stored_at)
PARTITION BY toYYYYMM(stored_at)
ORDER BY (topic, topic_id, `partition`, start_offset)
{{ingestBlocksTtl}}
SETTINGS {{dedupWindow}}
COMMENT 'ranges of offsets that are stored';
