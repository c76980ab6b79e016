package ratelimit

import (
	"context"
	"log/slog"
	"time"
)

// LeftOut is the key of the attribute that says how many lines were left out before the one it is of.
const LeftOut = "left_out"

// handler lets records through as its bucket allows. Those made from it by attributes and groups share the
// bucket.
type handler struct {
	next   slog.Handler
	bucket *Bucket
	now    func() time.Time
}

// Handler returns a handler that hands a burst of lines on to next at once and then one per every; others are
// left out. The first line behind such ones has an attribute LeftOut, in the group that the logger has open.
// now is the clock.
func Handler(next slog.Handler, burst int, every time.Duration, now func() time.Time) slog.Handler {
	return handler{next, NewBucket(burst, every), now}
}

// Enabled implements slog.Handler.
func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	ok, left := h.bucket.Take(h.now())
	if !ok {
		return nil
	}
	if left > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int(LeftOut, left))
	}
	return h.next.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.next = h.next.WithAttrs(attrs)
	return h
}

// WithGroup implements slog.Handler.
func (h handler) WithGroup(name string) slog.Handler {
	h.next = h.next.WithGroup(name)
	return h
}
