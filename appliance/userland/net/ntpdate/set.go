package ntpdate

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// slewMost is up to what the clock is set bit by bit, as ntpdate of the reference does: half a second, which
// the kernel makes good in a quarter of an hour.
const slewMost = 500 * time.Millisecond

// conclude says by what the clock is wrong, and sets it.
func (s settings) conclude(c *command.Call, known []verdict) error {
	if len(known) == 0 {
		return errors.New("no server suitable for synchronization found")
	}
	chosen, agree := choose(known)
	step := s.step || !s.slew && chosen.offset.Abs() >= slewMost
	what := "adjust"
	if step {
		what = "step"
	}
	if !s.query {
		if 2*agree <= len(known) {
			return errors.New("the servers do not agree: the clock is left as it is")
		}
		if err := set(chosen.offset, step); err != nil {
			return fmt.Errorf("cannot set the clock: %w", err)
		}
	}
	_, err := fmt.Fprintf(c.Stdout, "%s ntpdate: %s time server %v offset %s sec\n",
		time.Now().Format("_2 Jan 15:04:05"), what, chosen.addr, signed(chosen.offset))
	return err
}

// choose returns the server whose time agrees with that of most, of those the one that can be least wrong,
// and how many they are. Two agree if both may be right.
func choose(known []verdict) (chosen verdict, agree int) {
	agreeing := func(v verdict) (n int) {
		for _, w := range known {
			if (v.offset - w.offset).Abs() <= v.error+w.error {
				n++
			}
		}
		return n
	}
	chosen = slices.MinFunc(known, func(a, b verdict) int {
		return cmp.Or(cmp.Compare(agreeing(b), agreeing(a)), cmp.Compare(a.error, b.error))
	})
	return chosen, agreeing(chosen)
}

// set moves the clock. It needs CAP_SYS_TIME.
func set(offset time.Duration, step bool) error {
	if !step {
		_, err := unix.Adjtimex(&unix.Timex{Modes: unix.ADJ_OFFSET_SINGLESHOT, Offset: offset.Microseconds()})
		return err
	}
	at := time.Now().Add(offset)
	ts := unix.NsecToTimespec(at.UnixNano())
	return unix.ClockSettime(unix.CLOCK_REALTIME, &ts)
}
