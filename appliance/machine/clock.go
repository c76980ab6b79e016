package machine

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Clock is the machine's clock.
type Clock struct {
	Time time.Time `json:"time"`
	// Synchronised says that somebody keeps it to the time of others: the kernel's STA_UNSYNC of adjtimex(2)
	// is not set.
	Synchronised bool   `json:"synchronised"`
	Source       string `json:"source,omitempty"` // what the kernel counts by: "xen", "tsc", "kvm-clock"
}

// Synchronised reports whether somebody keeps the machine's clock to the time of others.
func Synchronised() bool {
	c, err := readClock()
	return err == nil && c.Synchronised
}

// readClock looks, and sets nothing: Modes is 0.
func readClock() (Clock, error) {
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err != nil {
		return Clock{Time: time.Now().UTC()}, fmt.Errorf("adjtimex: %w", err)
	}
	c := Clock{Time: time.Now().UTC(), Synchronised: t.Status&unix.STA_UNSYNC == 0}
	data, err := os.ReadFile("/sys/devices/system/clocksource/clocksource0/current_clocksource")
	if err == nil {
		c.Source = strings.TrimSpace(string(data))
	}
	return c, nil
}
