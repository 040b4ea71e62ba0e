package models

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"gorm.io/gorm/schema"
)

func init() { schema.RegisterSerializer("micro", micro{}) }

// micro keeps a time.Time as Unix microseconds and the zero time as NULL.
type micro struct{}

// Scan implements schema.SerializerInterface.
func (micro) Scan(ctx context.Context, field *schema.Field, dst reflect.Value, value any) error {
	var t time.Time
	switch v := value.(type) {
	case nil:
	case int64:
		t = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("read %s: want microseconds, got %T", field.DBName, value)
	}
	return field.Set(ctx, dst, t)
}

// Value implements schema.SerializerValuerInterface.
func (micro) Value(_ context.Context, _ *schema.Field, _ reflect.Value, value any) (any, error) {
	return toMicro(value.(time.Time)), nil
}

// toMicro is t as a statement's argument.
func toMicro(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// maybeMicro is a time as a statement's result.
type maybeMicro struct{ time.Time }

// Scan implements sql.Scanner.
func (m *maybeMicro) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		m.Time = time.Time{}
	case int64:
		m.Time = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("want microseconds, got %T", value)
	}
	return nil
}
