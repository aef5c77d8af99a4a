package main

import (
	"encoding/json"
	"reflect"
	"regexp"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/data/sqlutil"
)

// Columns of these types become fields of a frame; of others the SDK makes texts, which are no numbers in a panel.
var converters = append(append(numbers(), texts()...), shapes()...)

func exactly(name string, scan reflect.Type, field data.FieldType) sqlutil.Converter {
	return sqlutil.Converter{
		Name:           name,
		InputScanType:  scan,
		InputTypeName:  name,
		FrameConverter: sqlutil.FrameConverter{FieldType: field, ConverterFunc: pointedAt},
	}
}

func matching(pattern string, scan reflect.Type, field data.FieldType) sqlutil.Converter {
	converter := exactly(pattern, scan, field)
	converter.InputTypeRegex = regexp.MustCompile(pattern)
	return converter
}

func pointedAt(in any) (any, error) { return reflect.ValueOf(in).Elem().Interface(), nil }

func number[T any](name string, field, nullable data.FieldType) []sqlutil.Converter {
	return []sqlutil.Converter{
		exactly(name, reflect.TypeFor[*T](), field),
		exactly("Nullable("+name+")", reflect.TypeFor[**T](), nullable),
	}
}

func numbers() []sqlutil.Converter {
	var all []sqlutil.Converter
	for _, pair := range [][]sqlutil.Converter{
		number[uint8]("UInt8", data.FieldTypeUint8, data.FieldTypeNullableUint8),
		number[uint16]("UInt16", data.FieldTypeUint16, data.FieldTypeNullableUint16),
		number[uint32]("UInt32", data.FieldTypeUint32, data.FieldTypeNullableUint32),
		number[uint64]("UInt64", data.FieldTypeUint64, data.FieldTypeNullableUint64),
		number[int8]("Int8", data.FieldTypeInt8, data.FieldTypeNullableInt8),
		number[int16]("Int16", data.FieldTypeInt16, data.FieldTypeNullableInt16),
		number[int32]("Int32", data.FieldTypeInt32, data.FieldTypeNullableInt32),
		number[int64]("Int64", data.FieldTypeInt64, data.FieldTypeNullableInt64),
		number[float32]("Float32", data.FieldTypeFloat32, data.FieldTypeNullableFloat32),
		number[float64]("Float64", data.FieldTypeFloat64, data.FieldTypeNullableFloat64),
		number[bool]("Bool", data.FieldTypeBool, data.FieldTypeNullableBool),
	} {
		all = append(all, pair...)
	}
	return all
}

func texts() []sqlutil.Converter {
	return []sqlutil.Converter{
		exactly("String", reflect.TypeFor[*string](), data.FieldTypeString),
		exactly("LowCardinality(String)", reflect.TypeFor[*string](), data.FieldTypeString),
		matching(`^Enum(8|16)\(`, reflect.TypeFor[*string](), data.FieldTypeString),
		matching(`^Nullable\((Enum|String|FixedString)`, reflect.TypeFor[**string](), data.FieldTypeNullableString),
		matching(`^LowCardinality\(Nullable\(`, reflect.TypeFor[**string](), data.FieldTypeNullableString),
	}
}

func shapes() []sqlutil.Converter {
	asJSON := matching(`^(Array|Map|Tuple|Nested)\(`, reflect.TypeFor[any](), data.FieldTypeJSON)
	asJSON.FrameConverter.ConverterFunc = func(in any) (any, error) {
		text, err := json.Marshal(in)
		return json.RawMessage(text), err
	}
	return []sqlutil.Converter{
		matching(`^Date`, reflect.TypeFor[*time.Time](), data.FieldTypeTime),
		matching(`^Nullable\(Date`, reflect.TypeFor[**time.Time](), data.FieldTypeNullableTime),
		asJSON,
	}
}
