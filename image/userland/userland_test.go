package userland

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// What go says is passed on, and the caller can tell that it was interrupted.
func TestErrors(t *testing.T) {
	empty := t.TempDir()
	o := Options{Source: empty, Output: filepath.Join(empty, "out")}
	if _, err := Build(t.Context(), o); err == nil || !strings.Contains(err.Error(), "go.mod") {
		t.Errorf("a directory without a module: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Build(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
