package span

import (
	"testing"
	"time"
)

func TestText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 499 * time.Millisecond: "0s", 1500 * time.Millisecond: "2s", 12*time.Minute + 5*time.Second: "12m 5s",
		time.Hour: "1h", 76*time.Hour + 59*time.Minute: "3d 4h", 24*time.Hour + time.Minute: "1d",
	} {
		if got := Text(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
