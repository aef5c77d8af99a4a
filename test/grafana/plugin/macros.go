package main

import (
	"fmt"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data/sqlutil"
)

// The plugin's macros that need no browser; https://grafana.com/docs/plugins/grafana-clickhouse-datasource names them.
var macros = sqlutil.Macros{
	"fromTime":        instant(func(q *sqlutil.Query) string { return seconds(q.TimeRange.From) }),
	"toTime":          instant(func(q *sqlutil.Query) string { return seconds(q.TimeRange.To) }),
	"fromTime_ms":     instant(func(q *sqlutil.Query) string { return millis(q.TimeRange.From) }),
	"toTime_ms":       instant(func(q *sqlutil.Query) string { return millis(q.TimeRange.To) }),
	"interval_s":      instant(func(q *sqlutil.Query) string { return fmt.Sprint(step(q.Interval, time.Second)) }),
	"timeFilter":      between(seconds),
	"timeFilter_ms":   between(millis),
	"dateFilter":      between(func(t time.Time) string { return fmt.Sprintf("toDate('%s')", t.Format(time.DateOnly)) }),
	"timeInterval":    bucket("toDateTime(%s)", "second", time.Second),
	"timeInterval_ms": bucket("toDateTime64(%s, 3)", "millisecond", time.Millisecond),
}

func seconds(t time.Time) string { return fmt.Sprintf("toDateTime(%d)", t.Unix()) }
func millis(t time.Time) string  { return fmt.Sprintf("fromUnixTimestamp64Milli(%d)", t.UnixMilli()) }

func step(interval, unit time.Duration) int64 { return max(int64(interval/unit), 1) }

func instant(of func(*sqlutil.Query) string) sqlutil.MacroFunc {
	return func(query *sqlutil.Query, _ []string) (string, error) { return of(query), nil }
}

func one(args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	return "", fmt.Errorf("%w: expected 1 argument, received %d", sqlutil.ErrorBadArgumentCount, len(args))
}

func between(write func(time.Time) string) sqlutil.MacroFunc {
	return func(query *sqlutil.Query, args []string) (string, error) {
		column, err := one(args)
		from, to := write(query.TimeRange.From), write(query.TimeRange.To)
		return fmt.Sprintf("%s >= %s AND %s <= %s", column, from, column, to), err
	}
}

func bucket(cast, name string, unit time.Duration) sqlutil.MacroFunc {
	return func(query *sqlutil.Query, args []string) (string, error) {
		column, err := one(args)
		cell := fmt.Sprintf(cast, column)
		return fmt.Sprintf("toStartOfInterval(%s, INTERVAL %d %s)", cell, step(query.Interval, unit), name), err
	}
}
