package print

import (
	"testing"
	"time"
)

func TestShortDuration(t *testing.T) {
	tests := map[time.Duration]string{
		12 * time.Hour:      "12h",
		24 * time.Hour:      "1d",
		90 * time.Minute:    "90m",
		121 * time.Second:   "121s",
		30 * 24 * time.Hour: "30d",
	}
	for d, want := range tests {
		if got := shortDuration(d); got != want {
			t.Errorf("shortDuration(%s) = %q, want %q", d, got, want)
		}
	}
}
