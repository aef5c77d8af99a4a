-- How far each emitter's events are stored, so that a new owner of a partition recognises a frame that was sent twice.
CREATE TABLE IF NOT EXISTS emitter_marks{{onCluster}}
(
    `partition` UInt32 COMMENT 'partition of the event log, number from 0' CODEC(T64, ZSTD(1)),
    emitter String COMMENT 'process that decided',
    last_seq SimpleAggregateFunction(max, UInt64) COMMENT 'highest position stored, count from 1',
    last_time SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'time of the newest event stored, milliseconds UTC'
)
ENGINE = {{replicated}}AggregatingMergeTree
ORDER BY (`partition`, emitter)
SETTINGS {{dedupWindow}}
COMMENT 'highest stored position by log partition and emitter';

CREATE MATERIALIZED VIEW IF NOT EXISTS emitter_marks_mv{{onCluster}} TO emitter_marks AS
SELECT
    `partition`,
    toString(r.emitter) AS emitter,
    max(seq) AS last_seq,
    max(time) AS last_time
FROM decisions_raw AS r
GROUP BY `partition`, emitter;
