-- What processes and gates tell of themselves every half minute, row by row, exactly once: what /metrics says, kept. One
-- figure over a stretch of time is what everybody asks for, so that is the order.
CREATE TABLE IF NOT EXISTS health_samples{{onCluster}}
(
    time DateTime64(3, 'UTC') COMMENT 'when it was told, milliseconds UTC' CODEC(Delta(8), ZSTD(1)),
    emitter LowCardinality(String) COMMENT 'process that wrote it to the log, for as long as it lives' CODEC(ZSTD(1)),
    `partition` UInt32 COMMENT 'partition of the event log, number from 0' CODEC(T64, ZSTD(1)),
    seq UInt64 COMMENT 'position among the samples of this emitter and partition, number from 1' CODEC(Delta(8), ZSTD(1)),
    process LowCardinality(String) COMMENT 'process that it is about, for as long as it lives; of a gate, its id' CODEC(ZSTD(1)),
    command LowCardinality(String) COMMENT 'what the process is: up, serve, ingest, detect or gate' CODEC(ZSTD(1)),
    region LowCardinality(String) COMMENT 'region of the process, name' CODEC(ZSTD(1)),
    figure LowCardinality(String) COMMENT 'what was measured, as Prometheus names it' CODEC(ZSTD(1)),
    labels Map(LowCardinality(String), String) COMMENT 'what tells several numbers of one figure apart, as Prometheus names it' CODEC(ZSTD(1)),
    value Float64 COMMENT 'the number, in the unit of the figure' CODEC(ZSTD(1)),
    ingested_at DateTime('UTC') DEFAULT now('UTC') COMMENT 'when the row was stored, seconds UTC' CODEC(Delta(4), ZSTD(1))
)
ENGINE = {{replicated}}MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (figure, time, emitter, seq)
{{healthTtl}}
SETTINGS {{dedupWindow}}
COMMENT 'what processes tell of themselves, exactly once';
