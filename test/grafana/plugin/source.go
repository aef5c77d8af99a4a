package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/instancemgmt"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/data/sqlutil"
)

const queryTimeout = 60 * time.Second

type source struct{ db *sql.DB }

type settings struct {
	Host            string `json:"host"`
	Port            int    `json:"port"`
	Protocol        string `json:"protocol"`
	Username        string `json:"username"`
	DefaultDatabase string `json:"defaultDatabase"`
}

func newSource(_ context.Context, config backend.DataSourceInstanceSettings) (instancemgmt.Instance, error) {
	var given settings
	if err := json.Unmarshal(config.JSONData, &given); err != nil {
		return nil, fmt.Errorf("jsonData: %w", err)
	}
	if given.Protocol != "http" {
		return nil, fmt.Errorf("protocol %q: this stand-in speaks http alone", given.Protocol)
	}
	db := clickhouse.OpenDB(&clickhouse.Options{
		Addr:     []string{fmt.Sprintf("%s:%d", given.Host, given.Port)},
		Protocol: clickhouse.HTTP,
		Auth: clickhouse.Auth{
			Database: given.DefaultDatabase,
			Username: given.Username,
			Password: config.DecryptedSecureJSONData["password"],
		},
		Compression: &clickhouse.Compression{Method: clickhouse.CompressionGZIP},
		DialTimeout: 10 * time.Second,
		ReadTimeout: queryTimeout,
	})
	db.SetMaxOpenConns(50)
	db.SetMaxIdleConns(25)
	db.SetConnMaxLifetime(5 * time.Minute)
	return &source{db: db}, nil
}

func (s *source) Dispose() { _ = s.db.Close() }

func (s *source) CheckHealth(ctx context.Context, _ *backend.CheckHealthRequest) (*backend.CheckHealthResult, error) {
	if err := s.db.PingContext(ctx); err != nil {
		return &backend.CheckHealthResult{Status: backend.HealthStatusError, Message: err.Error()}, nil
	}
	return &backend.CheckHealthResult{Status: backend.HealthStatusOk, Message: "Data source is working"}, nil
}

func (s *source) QueryData(ctx context.Context, request *backend.QueryDataRequest) (*backend.QueryDataResponse, error) {
	response := backend.NewQueryDataResponse()
	for _, query := range request.Queries {
		frames, err := s.frames(ctx, query)
		answer := backend.DataResponse{Frames: frames, Error: err}
		if err != nil {
			answer.Status = backend.StatusBadRequest
		}
		response.Responses[query.RefID] = answer
	}
	return response, nil
}

func (s *source) frames(ctx context.Context, asked backend.DataQuery) (data.Frames, error) {
	query, err := sqlutil.GetQuery(asked)
	if err != nil {
		return nil, err
	}
	if query.RawSQL, err = sqlutil.Interpolate(query, macros); err != nil {
		return nil, fmt.Errorf("Could not apply macros: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	rows, err := s.db.QueryContext(ctx, query.RawSQL)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	frame, err := sqlutil.FrameFromRows(rows, -1, converters...)
	if err != nil {
		return nil, err
	}
	return shaped(frame, query)
}

// shaped makes of rows what a panel asks for: a table as it is, or one series per set of labels.
func shaped(frame *data.Frame, query *sqlutil.Query) (data.Frames, error) {
	frame.Name = query.RefID
	frame.Meta = &data.FrameMeta{ExecutedQueryString: query.RawSQL, PreferredVisualization: data.VisTypeGraph}
	if query.Format == sqlutil.FormatOptionTable {
		frame.Meta.PreferredVisualization = data.VisTypeTable
		return data.Frames{frame}, nil
	}
	if count, err := frame.RowLen(); err != nil || count == 0 {
		empty := data.NewFrame(query.RefID)
		empty.Meta = frame.Meta
		return data.Frames{empty}, err
	}
	if frame.TimeSeriesSchema().Type != data.TimeSeriesTypeLong {
		return data.Frames{frame}, nil
	}
	wide, err := data.LongToWide(frame, &data.FillMissing{Mode: data.FillModeNull})
	if err != nil {
		return nil, err
	}
	return data.Frames{wide}, nil
}
