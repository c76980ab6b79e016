package boot

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestSchedule: the last end that was asked for comes in its time, once, unless it is taken back.
func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var asked []string
		s := Schedule{
			Request: func(k Kind) error {
				asked = append(asked, fmt.Sprint(time.Since(begin), " ", k))
				return errors.New("no")
			},
			Say: func(format string, args ...any) { asked = append(asked, fmt.Sprintf(format, args...)) },
		}
		if k := s.Cancel(); k != "" {
			t.Errorf("%s was pending", k)
		}
		s.Set(Reboot, time.Minute)
		if k := s.Cancel(); k != Reboot {
			t.Errorf("%q was pending", k)
		}
		time.Sleep(2 * time.Minute)
		s.Set(Reboot, time.Minute)
		s.Set(PowerOff, 2*time.Minute)
		time.Sleep(time.Hour)
		synctest.Wait()
		if k := s.Cancel(); k != "" {
			t.Errorf("%s is pending though it is over", k)
		}
		if want := []string{"4m0s poweroff", "poweroff, as it was asked for: no"}; !slices.Equal(asked, want) {
			t.Errorf("%q, want %q", asked, want)
		}
	})
}
